import SystemPackage
import Testing

@testable import Sockets

@Suite("Connection: awaitHangup", .ownThread)
struct ConnectionAwaitingHangupTests {
    private func pair(overTCP: Bool) throws -> (peer: Socket, connection: Connection) {
        let (peer, socket) = try Loopback.streamPair(overTCP: overTCP)
        return (peer, try Connection(adopting: socket))
    }

    /// Waits until the task of `awaitHangup` is inside its wait.
    private func waitUntilAwaited(_ connection: Connection) async {
        let isWaiting = await eventually {
            connection.source.rareWakeups.objectIfCreated?.hangupObservers.withLock { !$0.isEmpty }
                ?? false
        }
        #expect(isWaiting)
    }

    @Test(
        "awaitHangup reads no bytes, and returns when the peer half-closes, closes or resets",
        arguments: [
            { try $0.shutdown(.write) }, { $0.close() }, { $0.abort() },
        ] as [@Sendable (Socket) throws -> Void], [true, false])
    func returns(end: @Sendable (Socket) throws -> Void, overTCP: Bool) async throws {
        for endsBefore in [false, true] {
            let (peer, connection) = try pair(overTCP: overTCP)
            try peer.sendAll("last")
            if endsBefore { try end(peer) }
            let waiting = Task { try await connection.awaitHangup(timeout: .seconds(20)) }
            if !endsBefore {
                await waitUntilAwaited(connection)
                try end(peer)
            }
            try await waiting.value
            #expect(try await connection.readExactly(4) == Array("last".utf8))
        }
    }

    @Test("awaitHangup returns after a reset, and the next read throws it")
    func leavesTheReset() async throws {
        let (peer, connection) = try pair(overTCP: true)
        peer.abort()
        try await connection.awaitHangup(timeout: .seconds(20))
        let error = await #expect(throws: SocketError.self) { try await connection.read() }
        #expect(error?.errno == .connectionReset)
    }

    @Test("several tasks can await the hang-up while others read and write")
    func severalTasks() async throws {
        let (peer, connection) = try pair(overTCP: true)
        let tasks = (0..<3).map { _ in
            Task { try await connection.awaitHangup(timeout: .seconds(20)) }
        }
        await waitUntilAwaited(connection)
        try await connection.write("x")
        #expect(try peer.readAll(1) == Array("x".utf8))
        try peer.sendAll("y")
        #expect(try await connection.read() == Array("y".utf8))
        peer.close()
        for task in tasks { try await task.value }
        let isEmpty = connection.source.rareWakeups.objectIfCreated?.hangupObservers.withLock {
            $0.isEmpty
        }
        #expect(isEmpty == true)
    }

    @Test("awaitHangup throws at its timeout, on cancellation and on a close on this side")
    func ends() async throws {
        let (peer, connection) = try pair(overTCP: true)
        defer { peer.close() }
        let start = ContinuousClock.now
        let timeout = await #expect(throws: SocketError.self) {
            try await connection.awaitHangup(timeout: .milliseconds(50))
        }
        #expect(timeout?.cause == .timedOut(limit: .milliseconds(50)))
        #expect(start.duration(to: .now) >= .milliseconds(50))
        #expect(
            timeout?.description
                == "cannot wait for the hang-up of \(connection.remoteAddress):"
                + " timed out after 50 ms")

        let cancelled = Task { try await connection.awaitHangup() }
        await waitUntilAwaited(connection)
        cancelled.cancel()
        let error = await #expect(throws: SocketError.self) { try await cancelled.value }
        #expect(error?.cause == .cancelled)

        let closed = Task { try await connection.awaitHangup() }
        await waitUntilAwaited(connection)
        connection.close()
        let closing = await #expect(throws: SocketError.self) { try await closed.value }
        #expect(closing?.cause == .closed)
        let later = await #expect(throws: SocketError.self) {
            try await connection.awaitHangup()
        }
        #expect(later?.cause == .closed)
    }
}
