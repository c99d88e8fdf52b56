import Testing

@testable import Sockets

@Suite("Connection: writing", .ownThread)
struct ConnectionWritingTests {
    private let peer: Socket
    private let connection: Connection

    init() throws {
        let (one, other) = try Socket.pair()
        peer = one
        connection = try Connection(adopting: other)
    }

    @Test("write sends arrays, strings and parts completely and in order")
    func kinds() async throws {
        try await connection.write([1, 2])
        try await connection.write("ä")
        try await connection.write(parts: [[3], [], [4, 5]])
        try await connection.write([])
        try await connection.write(parts: [])
        #expect(try peer.readAll(7) == [1, 2] + Array("ä".utf8) + [3, 4, 5])
    }

    @Test("a write larger than the kernel's buffers sends all bytes")
    func large() async throws {
        let bytes = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0) }
        let peer = peer
        let reading = Background { try peer.readAll(bytes.count) }
        try await connection.write(bytes, timeout: .seconds(20))
        #expect(try await reading.result() == bytes)
    }

    @Test("write(parts:) sends 500 parts completely and in order")
    func manyPieces() async throws {
        let parts = (0..<500).map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 4000) }
        let peer = peer
        let reading = Background { try peer.readAll(500 * 4000) }
        try await connection.write(parts: parts, timeout: .seconds(20))
        #expect(try await reading.result() == parts.flatMap { $0 })
    }

    @Test(
        "a partial write reports its length, and later writes throw until resumeWriting is called")
    func incomplete() async throws {
        let plenty = [UInt8](repeating: 1, count: 8 << 20)
        let error = try #require(
            await #expect(throws: SocketError.self) {
                try await connection.write(plenty, timeout: .milliseconds(20))
            })
        #expect(error.isTimeout)
        #expect((1..<plenty.count).contains(error.bytesTransferred))
        let refused = await #expect(throws: SocketError.self) { try await connection.write("x") }
        #expect(refused?.cause == .incompleteWrite)
        try connection.resumeWriting()
        let peer = peer
        let reading = Background { try peer.readAll(plenty.count) }
        try await connection.write(Array(plenty[error.bytesTransferred...]), timeout: .seconds(20))
        #expect(try await reading.result().count == plenty.count)
    }

    /// Starts a write that has to wait for room.
    private func startLongWrite(_ count: Int = 4 << 20) async -> Task<Void, any Error> {
        let connection = connection
        let writing = Task { try await connection.write([UInt8](repeating: 1, count: count)) }
        while !connection.isWriting { await Task.yield() }
        return writing
    }

    /// Starts a write that waits for another one.
    private func enqueue(
        _ body: @escaping @Sendable (Connection) async throws -> Void
    ) async -> Task<Void, any Error> {
        let (connection, before) = (connection, connection.source.writers.waiterCount)
        let writing = Task { try await body(connection) }
        while connection.source.writers.waiterCount == before { await Task.yield() }
        return writing
    }

    @Test("writes of several tasks are sent in the order of the calls, and each stays whole")
    func queued() async throws {
        let first = await startLongWrite()
        let size = 200_000
        var waiting: [Task<Void, any Error>] = []
        for number in 2..<12 {
            let bytes = [UInt8](repeating: UInt8(number), count: size)
            waiting.append(
                await enqueue { connection in
                    switch number % 3 {
                    case 0: try await connection.write(bytes)
                    case 1: try await connection.write(parts: [bytes])
                    default: try await connection.write(String(decoding: bytes, as: UTF8.self))
                    }
                })
        }
        let peer = peer
        let reading = Background { try peer.readAll((4 << 20) + 10 * size) }
        let received = try await reading.result()
        try await first.value
        for task in waiting { try await task.value }
        let expected =
            [UInt8](repeating: 1, count: 4 << 20)
            + (2..<12).flatMap { [UInt8](repeating: UInt8($0), count: size) }
        let isSame = received == expected
        #expect(isSame)
    }

    @Test("concurrent writes of many tasks all arrive whole", arguments: [1, 64, 70_000])
    func concurrent(size: Int) async throws {
        let (connection, peer) = (connection, peer)
        let (tasks, rounds) = (8, size > 1_000 ? 20 : 500)
        let reading = Background { try peer.readAll(tasks * rounds * (size + 1)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<tasks {
                group.addTask {
                    let bytes = [UInt8](repeating: UInt8(number), count: size)
                    for _ in 0..<rounds { try await connection.write(parts: [bytes, [0xFF]]) }
                }
            }
            try await group.waitForAll()
        }
        let received = try await reading.result()
        let messages = received.split(separator: 0xFF)
        #expect(messages.count == tasks * rounds)
        #expect(
            messages.allSatisfy {
                $0.count == size && $0.allSatisfy { [first = $0[$0.startIndex]] in $0 == first }
            })
    }

    @Test("a queued write ends at its timeout without sending, and does not affect other writes")
    func queuedTimeout() async throws {
        let first = await startLongWrite()
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await connection.write("never sent", timeout: .milliseconds(30))
        }
        #expect(start.duration(to: .now) >= .milliseconds(30))
        #expect(error?.cause == .timedOut(limit: .milliseconds(30)))
        #expect(error?.bytesTransferred == 0)
        let last = await enqueue { try await $0.write([2]) }
        let peer = peer
        let received = try await Background { try peer.readAll((4 << 20) + 1) }.result()
        #expect(received.last == 2)
        try await first.value
        try await last.value
    }

    @Test("the error of a write that times out behind an echo says that another task was writing")
    func timeoutBehindEcho() async throws {
        let (connection, peer) = (connection, peer)
        let echo = Task { try await connection.echo() }
        while !connection.isWriting { await Task.yield() }
        // Bytes move all the time.
        let moving = Background {
            do throws(SocketError) {
                while true {
                    try peer.sendAll([UInt8](repeating: 1, count: 1_000))
                    _ = try peer.receive()
                }
            } catch {}
        }
        let calls: [(Connection) async throws -> Void] = [
            { try await $0.write("never sent", timeout: .milliseconds(100)) },
            { try await $0.write(parts: [[1]], timeout: .milliseconds(100)) },
            { _ = try await $0.exchange("?", reading: .line, timeout: .milliseconds(100)) },
        ]
        for call in calls {
            let error = await #expect(throws: SocketError.self) { try await call(connection) }
            #expect(error?.isTimeout == true)
            #expect(error?.stallReport == nil)
            #expect(error?.hint == "Another task was writing to this connection all the time.")
        }
        connection.close()
        _ = await echo.result
        peer.close()
        try await moving.result()
    }

    @Test("the timeout of a write includes the wait for earlier writes")
    func timeoutCountsTheQueue() async throws {
        let first = await startLongWrite()
        let peer = peer
        let queued = await enqueue {
            try await $0.write([UInt8](repeating: 2, count: 4 << 20), timeout: .milliseconds(300))
        }
        _ = try await Background { try peer.readAll(4 << 20) }.result()
        try await first.value
        let error = await #expect(throws: SocketError.self) { try await queued.value }
        #expect(error?.isTimeout == true)
        #expect((error?.bytesTransferred ?? 0) > 0)
    }

    @Test("a cancelled queued write ends at once, and the next queued write is sent")
    func queuedCancellation() async throws {
        let first = await startLongWrite()
        let cancelled = await enqueue { try await $0.write([2]) }
        let last = await enqueue { try await $0.write([3]) }
        cancelled.cancel()
        let error = await #expect(throws: SocketError.self) { try await cancelled.value }
        #expect(error?.cause == .cancelled)
        let peer = peer
        let received = try await Background { try peer.readAll((4 << 20) + 1) }.result()
        #expect(received.last == 3)
        try await first.value
        try await last.value
    }

    @Test("close ends the running write and all queued writes")
    func closeWhileQueued() async throws {
        let first = await startLongWrite()
        let queued = [
            await enqueue { try await $0.write([2]) },
            await enqueue { try await $0.write([3], timeout: .seconds(60)) },
            await enqueue { _ = try await $0.exchange("?", reading: .line) },
        ]
        connection.close()
        for task in [first] + queued {
            let error = await #expect(throws: SocketError.self) { try await task.value }
            #expect(error?.cause == .closed)
        }
        #expect(!connection.isWriting)
    }

    @Test("queued writes fail with .incompleteWrite if the write before them ended part-way")
    func queuedBehindIncomplete() async throws {
        let first = await startLongWrite()
        let queued = await enqueue { try await $0.write([2]) }
        first.cancel()
        let cancelled = await #expect(throws: SocketError.self) { try await first.value }
        #expect(cancelled?.cause == .cancelled)
        let error = await #expect(throws: SocketError.self) { try await queued.value }
        #expect(error?.cause == .incompleteWrite)
    }

    @Test("an exchange and an echo wait for earlier writes")
    func otherWriters() async throws {
        let peer = peer
        let first = await startLongWrite()
        let exchange = await enqueue {
            let reply = try await $0.exchange("?", reading: .line)
            #expect(reply.text == "answer")
        }
        let echo = await enqueue { _ = try await $0.echo() }
        let last = await enqueue { try await $0.write("last") }
        let received = try await Background {
            let request = try peer.readAll((4 << 20) + 1)
            try peer.sendAll("answer\nagain")
            let again = try peer.readAll(5)
            try peer.shutdown(.write)
            return (request.last ?? 0, again + (try peer.readAll(4)))
        }.result()
        #expect(received.0 == 0x3F)
        #expect(received.1 == Array("againlast".utf8))
        for task in [first, exchange, echo, last] { try await task.value }
    }

    @Test("resumeWriting during a write fails with .busy and names the connection")
    func resumeWhileWriting() async throws {
        let first = await startLongWrite()
        let error = #expect(throws: SocketError.self) { try connection.resumeWriting() }
        #expect(error?.cause == .busy)
        #expect(
            error?.description
                == "cannot write: another task is already writing to this connection")
        connection.close()
        _ = await first.result
    }

    @Test("write throws EPIPE after the peer shuts down both directions")
    func brokenPipe() async throws {
        // Shut down instead of closing, because a program that another test starts may hold the
        // descriptor open for a moment.
        try peer.shutdown(.both)
        let error = await #expect(throws: SocketError.self) { try await connection.write("x") }
        #expect(error?.errno == .brokenPipe)
        #expect(error?.description == "cannot write: broken pipe")
    }
}
