import Testing

@testable import Sockets

@Suite("Lookup: async", .ownThread)
struct LookupAsyncTests {
    private let loop = LoopGroup.shared.loops[0]

    /// A lookup that returns only when the test allows it.
    private final class SilentServer: Sendable {
        private let pair: (lookup: Socket, test: Socket)
        private let begun = AsyncStream.makeStream(of: Void.self)

        init() throws { pair = try Socket.pair() }

        func lookUp() throws(SocketError) -> Int {
            begun.continuation.yield()
            return try pair.lookup.receive(atMost: 1).count
        }

        /// Returns when a lookup has started.
        func started() async { for await _ in begun.stream { break } }

        func finish() { try? pair.test.sendAll("x") }
    }

    private func lookUp(_ server: SilentServer, _ limit: TimeLimit) async throws(SocketError) -> Int
    {
        try await Lookup.answer(until: Deadline(startingNow: limit), on: loop) {
            () throws(SocketError) in
            try server.lookUp()
        }
    }

    @Test("a lookup returns its answer to the waiting task")
    func answered() async throws {
        let server = try SilentServer()
        let pending = Task { try await lookUp(server, .never) }
        await server.started()
        server.finish()
        #expect(try await pending.value == 1)
    }

    @Test("a lookup without an answer throws `timedOut` at the deadline")
    func deadline() async throws {
        let server = try SilentServer()
        defer { server.finish() }
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await lookUp(server, .milliseconds(50))
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(50)))
        let duration = start.duration(to: .now)
        #expect(duration >= .milliseconds(50) && duration < .seconds(2))
    }

    @Test("a pending lookup throws `cancelled` when its task is cancelled")
    func cancelled() async throws {
        let server = try SilentServer()
        defer { server.finish() }
        let pending = Task { try await lookUp(server, .never) }
        await server.started()
        pending.cancel()
        let error = await #expect(throws: SocketError.self) { try await pending.value }
        #expect(error?.cause == .cancelled)
    }

    @Test("a lookup rethrows the error of its body")
    func failure() async throws {
        let error = await #expect(throws: SocketError.self) {
            try await Lookup.answer(until: Deadline(startingNow: .never), on: loop) {
                () throws(SocketError) in try SocketError.fail()
            }
        }
        #expect(error?.cause == .closed)
    }

    @Test("the body of a lookup runs outside any task")
    func outsideOfTasks() async throws {
        let isInTask = try await Lookup.answer(until: Deadline(startingNow: .never), on: loop) {
            withUnsafeCurrentTask { $0 != nil }
        }
        #expect(!isInTask)
    }

    @Test("a lookup that races a cancellation and a deadline ends with its answer or an error")
    func races() async throws {
        for number in 0..<500 {
            let limit = TimeLimit.milliseconds(number % 3 == 0 ? 1 : 1_000)
            let pending = Task { [loop] in
                try await Lookup.answer(until: Deadline(startingNow: limit), on: loop) { number }
            }
            if number % 2 == 0 { pending.cancel() }
            switch await pending.result {
            case .success(let value): #expect(value == number)
            case .failure(let error as SocketError):
                #expect(error.cause == .cancelled || error.isTimeout)
            case .failure(let error): Issue.record(error)
            }
        }
    }

    @Test(
        "an endpoint without a host name resolves even after the deadline",
        arguments: [
            Endpoint.udp(port: 53), .udp("127.0.0.1", port: 53), .udp("::1", port: 53),
            .unixDatagram("/tmp/x"), .unix("@x"), .tcp("localhost", port: 80),
            .udp("a.LOCALHOST.", port: 53),
        ])
    func onTheSpot(endpoint: Endpoint) async throws {
        let past = Deadline(startingNow: .seconds(0))
        let addresses = try await Lookup.addresses(of: endpoint, nil, until: past, on: loop)
        #expect(try await addresses == Resolver.resolve(endpoint))
    }

    @Test(
        "resolving an endpoint with a name throws `timedOut` only after the deadline",
        arguments: [
            Endpoint.udp("host.invalid", port: 53), .udp("127.0.0.1", port: "domain"),
            .udp("localhost", port: "domain"),
        ])
    func names(endpoint: Endpoint) async throws {
        if endpoint.port?.service != nil {
            let never = Deadline(startingNow: .never)
            let addresses = try await Lookup.addresses(of: endpoint, nil, until: never, on: loop)
            #expect(try await addresses == Resolver.resolve(endpoint))
        }
        let past = Deadline(startingNow: .seconds(0))
        let error = await #expect(throws: SocketError.self) {
            try await Lookup.addresses(of: endpoint, nil, until: past, on: loop)
        }
        #expect(error?.cause == .timedOut(limit: .zero))
        #expect(error?.operation == .resolve)
    }

    @Test("each initializer that looks up a name can time out and be cancelled")
    func initializers() async throws {
        let initializers: [@Sendable (TimeLimit) async throws -> Void] = [
            { limit in
                _ = try await Connection(to: .tcp("host.invalid", port: 1), timeout: limit)
            },
            { limit in
                _ = try await Listener(on: .tcp("host.invalid", port: 0), timeout: limit)
            },
            { limit in
                _ = try await DatagramChannel(on: .udp("host.invalid", port: 0), timeout: limit)
            },
            { limit in
                _ = try await DatagramChannel(
                    to: .udp("host.invalid", port: 1), timeout: limit)
            },
        ]
        for initializer in initializers {
            let late = await #expect(throws: SocketError.self) {
                try await initializer(.seconds(0))
            }
            #expect(late?.cause == .timedOut(limit: .zero))
            #expect(late?.endpoint?.host == "host.invalid")
            let making = Task {
                while !Task.isCancelled { await Task.yield() }
                try await initializer(.never)
            }
            making.cancel()
            let cancelled = await #expect(throws: SocketError.self) { try await making.value }
            #expect(cancelled?.cause == .cancelled)
        }
    }
}

extension SocketError {
    /// A closure that only throws crashes the compiler.
    fileprivate static func fail() throws(SocketError) -> Int {
        throw SocketError(.resolve, .closed)
    }
}
