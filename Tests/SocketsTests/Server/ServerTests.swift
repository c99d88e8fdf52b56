import Logging
import Testing

@testable import Sockets

@Suite("Stopping a server", .ownThread)
struct ServerTests {
    /// A server whose handler answers each byte, and one of its callers.
    private func start(
        grace: Duration, logger: LogRecorder = LogRecorder(),
        _ handler: @escaping @Sendable (Connection) async throws -> Void
    ) async throws -> (serving: Task<Void, any Error>, listener: Listener, caller: Connection) {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve(grace: grace, logger: logger.logger) { connection in
                try await connection.write("hello")
                try await handler(connection)
            }
        }
        let caller = try Connection(adopting: Socket(to: listener.localAddress))
        #expect(try await caller.read() == Array("hello".utf8))
        return (serving, listener, caller)
    }

    @Test("nobody is accepted any more, and a handler may finish what it does")
    func finishing() async throws {
        let (serving, listener, caller) = try await start(grace: .seconds(60)) { connection in
            _ = try await connection.echo()
            #expect(!Task.isCancelled)
        }
        serving.cancel()
        // The listener is closed by the cancellation itself; its descriptor, when the task that
        // accepts has left it.
        #expect(listener.isClosed)
        #expect(await eventually { refusesCalls(listener.localAddress) })
        try await caller.write("still there?")
        #expect(try await caller.read() == Array("still there?".utf8))
        try caller.shutdown(.write)
        #expect(try await caller.read().isEmpty)
        try await serving.value
    }

    @Test("when the grace is over, handlers are cancelled and their connections closed")
    func graceIsOver() async throws {
        let log = LogRecorder()
        let cause = Lock<SocketError.Cause?>(nil)
        let (serving, _, caller) = try await start(grace: .milliseconds(50), logger: log) {
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
        #expect(try await caller.read().isEmpty)
        try await serving.value
        #expect(start.duration(to: .now) >= .milliseconds(50))
        #expect(cause.withLock { $0 } == .cancelled)
        #expect(log.messages.first?.metadata["connections"] == "1")
    }

    @Test("without any grace handlers are cancelled at once")
    func noGrace() async throws {
        let (serving, _, caller) = try await start(grace: .zero) { _ = try await $0.read() }
        serving.cancel()
        try await serving.value
        #expect(try await caller.read().isEmpty)
    }

    @Test("it returns as soon as the last handler has finished, not when the grace is over")
    func lastHandler() async throws {
        let (serving, _, caller) = try await start(grace: .seconds(3_600)) {
            _ = try await $0.read()
        }
        serving.cancel()
        caller.close()
        try await serving.value
    }

    @Test("without callers it returns at once")
    func nobody() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task { try await listener.serve(grace: .seconds(3_600)) { _ in } }
        serving.cancel()
        try await serving.value
        #expect(listener.isClosed)
    }

    @Test("closing the listener stops it in the same way")
    func closing() async throws {
        let (serving, listener, caller) = try await start(grace: .seconds(60)) {
            _ = try await $0.echo()
        }
        listener.close()
        try await caller.write("x")
        #expect(try await caller.read() == [0x78])
        caller.close()
        try await serving.value
    }

    @Test("the file of a Unix socket is gone as soon as it is stopped")
    func unixFile() async throws {
        let path = Loopback.unixPath()
        let listener = try await Listener(on: .unix(path))
        let serving = Task { try await listener.serve { try await $0.write("hello") } }
        let caller = try Connection(adopting: Socket(to: .unix(path)))
        #expect(try await caller.read() == Array("hello".utf8))
        serving.cancel()
        try await serving.value
        #expect(throws: SocketError.self) { try Socket(to: .unix(path)) }
    }
}
