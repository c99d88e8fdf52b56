import Testing

@testable import Sockets

@Suite("Async ConnectAttempts", .ownThread)
struct ConnectAttemptsWaitingTests {
    private let loop = LoopGroup.shared.next()

    private func connect(
        to addresses: [SocketAddress], within limit: TimeLimit = .seconds(10)
    ) async throws -> SocketAddress? {
        let attempts = try ConnectAttempts(
            to: addresses, .stream, ConnectOptions(), Deadline(startingNow: limit))
        return try await attempts.connect(on: loop).remoteAddress
    }

    @Test("connect returns a socket to the first address that accepts")
    func connects() async throws {
        let (holder, dead) = try Loopback.refusingPort()
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        #expect(
            try await connect(to: [dead, listener.localAddress]) == listener.localAddress)
        withExtendedLifetime(holder) {}
    }

    @Test("the connect error lists every attempt if all addresses refuse")
    func refused() async throws {
        let (holder, dead) = try Loopback.refusingPort()
        let error = await #expect(throws: SocketError.self) { try await connect(to: [dead, dead]) }
        #expect(
            error?.attempts.map(\.cause) == [
                .system(.connectionRefused), .system(.connectionRefused),
            ])
        withExtendedLifetime(holder) {}
    }

    @Test("a wait ends when the watched descriptor becomes writable, and close closes the watcher")
    func watched() async throws {
        let group = try LoopGroup(loops: 1)
        let watcher = EventSource(watchingOn: group.loops[0])
        let (here, there) = try Socket.pair()
        _ = try Loopback.fill(here)
        try watcher.watch(here.descriptor)
        watcher.writing.word.clear()
        let waiting = Task { await watcher.wait(.writing, until: .max) }
        let reading = Background {
            while try !there.receive(timeout: .milliseconds(0)).isEmpty {}
        }
        #expect(await waiting.value)
        #expect(throws: SocketError.self) { try reading.value() }
        watcher.unwatch(here.descriptor)
        watcher.close()
        let isClosed = watcher.lifetime.isClosed
        #expect(isClosed)
    }
}
