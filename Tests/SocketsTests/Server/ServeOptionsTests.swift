import Synchronization
import Testing

@testable import Sockets

@Suite("ServeOptions", .ownThread)
struct ServeOptionsTests {
    @Test("the default options limit neither the connections nor the idle time")
    func defaults() {
        #expect(ServeOptions().maximumConnections == nil)
        #expect(ServeOptions().idleTimeout == .never)
    }

    @Test("maximumConnections limits the open connections, and every client is served")
    func maximumConnections() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let (open, most) = (Counter(), Lock(0))
        let serving = Task {
            try await listener.serve(options: ServeOptions(maximumConnections: 3)) { connection in
                let now = open.add(1)
                most.withLock { $0 = max($0, now) }
                _ = try await connection.echo()
                open.add(-1)
            }
        }
        let clients = try (0..<50).map { _ in
            try Connection(adopting: Socket(to: listener.localAddress))
        }
        let echoed = try await withThrowingTaskGroup(of: Bool.self) { group in
            for client in clients {
                group.addTask {
                    try await client.write("x")
                    let reply = try await client.read()
                    client.close()
                    return reply == [0x78]
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(echoed == 50)
        #expect(most.withLock { $0 } == 3)
        serving.cancel()
        try await serving.value
    }

    @Test("a maximumConnections of zero or less still serves clients", arguments: [0, -5])
    func atLeastOne(_ maximum: Int) async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve(options: ServeOptions(maximumConnections: maximum)) {
                try await $0.write("hello")
            }
        }
        for _ in 0..<2 {
            let client = try Connection(adopting: Socket(to: listener.localAddress))
            #expect(try await client.read() == Array("hello".utf8))
        }
        serving.cancel()
        try await serving.value
    }

    @Test("cancellation ends serve while no slot is free")
    func stoppingAtTheLimit() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve(
                options: ServeOptions(maximumConnections: 1, gracePeriod: .zero)
            ) { connection in
                try await connection.write("hello")
                _ = try await connection.read()
            }
        }
        let client = try Connection(adopting: Socket(to: listener.localAddress))
        #expect(try await client.read() == Array("hello".utf8))
        serving.cancel()
        try await serving.value
    }

    @Test("a read in a handler throws `timedOut` after idleTimeout")
    func idle() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let failures = Lock<[SocketError]>([])
        let serving = Task {
            try await listener.serve(options: ServeOptions(idleTimeout: .milliseconds(30))) {
                connection in
                #expect(connection.writeTimeout == .milliseconds(30))
                do throws(SocketError) {
                    _ = try await connection.read()
                } catch {
                    failures.withLock { $0.append(error) }
                    throw error
                }
            }
        }
        let start = ContinuousClock.now
        let client = try Connection(adopting: Socket(to: listener.localAddress))
        #expect(try await client.read().isEmpty)
        #expect(start.duration(to: .now) >= .milliseconds(30))
        #expect(failures.withLock { $0.map(\.cause) } == [.timedOut(limit: .milliseconds(30))])
        serving.cancel()
        try await serving.value
    }
}

private final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    @discardableResult
    func add(_ number: Int) -> Int { value.add(number, ordering: .relaxed).newValue }
}
