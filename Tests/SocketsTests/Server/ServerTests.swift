import Logging
import Testing

@testable import Sockets

@Suite("Stopping a server", .ownThread)
struct ServerTests {
    /// Starts a server, and connects one client whose handler has begun.
    private func start(
        gracePeriod: Duration, logger: LogRecorder = LogRecorder(),
        _ handler: @escaping @Sendable (Connection) async throws -> Void
    ) async throws -> (serving: Task<Void, any Error>, listener: Listener, client: Connection) {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve(
                options: ServeOptions(gracePeriod: gracePeriod, logger: logger.logger)
            ) { connection in
                try await connection.write("hello")
                try await handler(connection)
            }
        }
        let client = try Connection(adopting: Socket(to: listener.localAddress))
        #expect(try await client.read() == Array("hello".utf8))
        return (serving, listener, client)
    }

    @Test("a cancelled server refuses new clients and lets a running handler finish")
    func finishing() async throws {
        let (serving, listener, client) = try await start(gracePeriod: .seconds(60)) { connection in
            _ = try await connection.echo()
            #expect(!Task.isCancelled)
        }
        serving.cancel()
        // The loops may serve the first client before the task of `serve` waits for its cancellation.
        #expect(await eventually { listener.isClosed })
        // The descriptor is closed when the accepting task has left it.
        #expect(await eventually { refusesConnections(listener.localAddress) })
        try await client.write("still there?")
        #expect(try await client.read() == Array("still there?".utf8))
        try client.shutdown(.write)
        #expect(try await client.read().isEmpty)
        try await serving.value
    }

    @Test("the end of the grace period cancels the handler and closes the connection")
    func graceIsOver() async throws {
        let log = LogRecorder()
        let cause = Lock<SocketError.Cause?>(nil)
        let (serving, _, client) = try await start(gracePeriod: .milliseconds(50), logger: log) {
            connection in
            do throws(SocketError) {
                _ = try await connection.read()
            } catch {
                cause.withLock { $0 = error.cause }
                #expect(Task.isCancelled)
                #expect(connection.isClosed)
                throw error
            }
        }
        let start = ContinuousClock.now
        serving.cancel()
        #expect(try await client.read().isEmpty)
        try await serving.value
        #expect(start.duration(to: .now) >= .milliseconds(50))
        #expect(cause.withLock { $0 } == .cancelled)
        #expect(log.messages.first?.metadata["connections"] == "1")
    }

    @Test("a grace period of zero cancels the handlers at once")
    func noGrace() async throws {
        let (serving, _, client) = try await start(gracePeriod: .zero) { _ = try await $0.read() }
        serving.cancel()
        try await serving.value
        #expect(try await client.read().isEmpty)
    }

    @Test("serve returns when the last handler ends, before the grace period ends")
    func lastHandler() async throws {
        let (serving, _, client) = try await start(gracePeriod: .seconds(3_600)) {
            _ = try await $0.read()
        }
        serving.cancel()
        client.close()
        try await serving.value
    }

    @Test("a cancelled server without handlers returns without waiting for the grace period")
    func noHandlers() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve(options: ServeOptions(gracePeriod: .seconds(3_600))) { _ in }
        }
        serving.cancel()
        try await serving.value
        #expect(listener.isClosed)
    }

    @Test("closing the listener stops serve and lets a running handler finish")
    func closing() async throws {
        let (serving, listener, client) = try await start(gracePeriod: .seconds(60)) {
            _ = try await $0.echo()
        }
        listener.close()
        try await client.write("x")
        #expect(try await client.read() == [0x78])
        client.close()
        try await serving.value
    }

    @Test("a client cannot connect to the path of a Unix server that has stopped")
    func unixFile() async throws {
        let path = Loopback.unixPath()
        let listener = try await Listener(on: .unix(path))
        let serving = Task { try await listener.serve { try await $0.write("hello") } }
        let client = try Connection(adopting: Socket(to: .unix(path)))
        #expect(try await client.read() == Array("hello".utf8))
        serving.cancel()
        try await serving.value
        #expect(throws: SocketError.self) { try Socket(to: .unix(path)) }
    }
}
