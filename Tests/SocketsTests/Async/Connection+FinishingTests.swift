import Dispatch
import SystemPackage
import Testing

@testable import Sockets

@Suite("Connection: finish", .ownThread)
struct ConnectionFinishingTests {
    private func pair(overTCP: Bool) throws -> (connection: Connection, peer: Socket) {
        let (here, peer) = try Loopback.streamPair(overTCP: overTCP)
        return (try Connection(adopting: here), peer)
    }

    @Test(
        "finish lets a peer whose bytes were not read receive the answer and EOF",
        arguments: [true, false])
    func unreadBytes(overTCP: Bool) async throws {
        for _ in 0..<20 {
            let (connection, peer) = try pair(overTCP: overTCP)
            let asking = FinishingPeer.asking(peer)
            #expect(try await connection.read(atMost: 10).count == 10)
            try await connection.write("answer")
            await connection.finish(timeout: .seconds(30))
            #expect(connection.isClosed)
            #expect(try await asking.result() == Array("answer".utf8))
        }
    }

    @Test("finish discards received bytes that were not consumed")
    func bufferedBytes() async throws {
        let (connection, peer) = try pair(overTCP: true)
        try peer.sendAll("one\ntwo\nthree")
        #expect(try await connection.readLine() == "one")
        try peer.shutdown(.write)
        await connection.finish()
        #expect(connection.isClosed)
        #expect(try peer.receive().isEmpty)
    }

    @Test("finish sends EOF at once, and returns at its timeout if the peer does not close")
    func timeout() async throws {
        let (connection, peer) = try pair(overTCP: true)
        let start = ContinuousClock.now
        let finishing = Task { await connection.finish(timeout: .milliseconds(300)) }
        #expect(try await Background { try peer.receive(timeout: .seconds(10)) }.result().isEmpty)
        #expect(!connection.isClosed)
        await finishing.value
        #expect(start.duration(to: .now) >= .milliseconds(300))
        #expect(connection.isClosed)
    }

    @Test("finish returns even if the peer never stops sending", arguments: [true, false])
    func flood(overTCP: Bool) async throws {
        let (connection, peer) = try pair(overTCP: overTCP)
        let flooding = FinishingPeer.flooding(peer)
        await connection.finish(timeout: .seconds(30))
        #expect(connection.isClosed)
        #expect(FinishingPeer.floodedBytes.contains(try await flooding.result()))
    }

    @Test("finish waits for the writes of other tasks")
    func queuedWrites() async throws {
        let (connection, peer) = try pair(overTCP: true)
        let writing = Task { try await connection.write(pattern(8 << 20)) }
        while !connection.isWriting { await Task.yield() }
        let finishing = Task { await connection.finish(timeout: .seconds(30)) }
        let received = try await Background { try FinishingPeer.receivingToEnd(peer) }.result()
        let isSame = received == pattern(8 << 20)
        #expect(isSame)
        try await writing.value
        await finishing.value
    }

    @Test("finish leaves received bytes to a task that is reading, and closes when that task ends")
    func otherReader() async throws {
        let (connection, peer) = try pair(overTCP: true)
        let reading = Task { try await connection.readToEnd() }
        while !connection.isReading { await Task.yield() }
        let finishing = Task { await connection.finish(timeout: .seconds(30)) }
        #expect(try await Background { try peer.receive(timeout: .seconds(10)) }.result().isEmpty)
        try peer.sendAll("the rest")
        peer.close()
        #expect(try await reading.value == Array("the rest".utf8))
        await finishing.value
        #expect(connection.isClosed)
    }

    @Test(
        "finish closes the connection when another task stops reading, in 2,000 races",
        .timeLimit(.minutes(2)))
    func readerStops() async throws {
        for round in 0..<2_000 {
            let (connection, peer) = try Connection.pair()
            let reading = Task { try await connection.read(atMost: 1) }
            if round % 2 == 0 { while !connection.isReading { await Task.yield() } }
            // Without a limit, only the end of the read can end the wait for it.
            let finishing = Task { await connection.finish(timeout: .never) }
            try await peer.write([1])
            try peer.shutdown(.write)
            _ = try? await reading.value
            await finishing.value
            #expect(connection.isClosed)
        }
    }

    @Test(
        "finish closes the connection after the body of another task's withLine has returned",
        .timeLimit(.minutes(2)))
    func lineIsUsed() async throws {
        for round in 0..<400 {
            let (connection, peer) = try Connection.pair()
            try await peer.write("one\ntwo\n")
            #expect(try await connection.readLine() == "one")
            var finishing: Task<Void, Never>?
            // The line is used on the thread of this test, which may block.
            let length = try await connection.withLine { line in
                finishing = Task { await connection.finish(timeout: .never) }
                try peer.shutdown(.write)
                if round % 2 == 0 {
                    while !connection.source.lifetime.isAwaited { System.yieldThread() }
                }
                if round % 4 == 0 { Self.waitForTimers(of: connection.source.loop) }
                return line.byteCount
            }
            #expect(length == 3)
            await finishing?.value
        }
    }

    /// Blocks the thread until the loop has fired a timer of 2 ms, and so all earlier ones, such as the
    /// first pause of `finish`.
    private static func waitForTimers(of loop: EventLoop) {
        let hasFired = DispatchSemaphore(value: 0)
        Task {
            await Wakeup().wait(until: System.continuousNanoseconds() + 2_000_000, on: loop)
            hasFired.signal()
        }
        hasFired.wait()
    }

    @Test("finish still waits for a reading task after a thousand other calls have returned")
    func otherCalls() async throws {
        let (connection, peer) = try Connection.pair()
        let reading = Task { try await connection.readToEnd() }
        while !connection.isReading { await Task.yield() }
        // A child task runs on the thread of the test, so each yield lets it see the call that has ended.
        async let finishing: Void = connection.finish(timeout: .never)
        while !connection.source.lifetime.isAwaited { await Task.yield() }
        for _ in 0..<1_000 {
            _ = try connection.option(.sendBufferSize)
            await Task.yield()
        }
        #expect(!connection.isClosed)
        peer.close()
        #expect(try await reading.value.isEmpty)
        await finishing
    }

    @Test("a finish that times out closes the connection and so ends pending read and finish calls")
    func severalFinish() async throws {
        let (connection, peer) = try Connection.pair()
        let reading = Task { try await connection.readToEnd() }
        while !connection.isReading { await Task.yield() }
        let finishing = (0..<3).map { _ in Task { await connection.finish(timeout: .never) } }
        let late = Task { await connection.finish(timeout: .milliseconds(20)) }
        await late.value
        // The first that gives up closes the connection.
        await #expect(throws: SocketError.self) { try await reading.value }
        for task in finishing { await task.value }
        #expect(try await peer.read().isEmpty)
    }

    @Test("a cancelled finish closes the connection at once")
    func cancelled() async throws {
        let (connection, peer) = try pair(overTCP: true)
        let finishing = Task { await connection.finish(timeout: .seconds(60)) }
        #expect(try await Background { try peer.receive(timeout: .seconds(10)) }.result().isEmpty)
        finishing.cancel()
        await finishing.value
        #expect(connection.isClosed)
    }

    @Test("with linger zero, finish resets at once")
    func lingerZero() async throws {
        let (connection, peer) = try pair(overTCP: true)
        try connection.setOption(.linger, to: .zero)
        await connection.finish(timeout: .seconds(60))
        let error = #expect(throws: SocketError.self) { try peer.receive() }
        #expect(error?.errno == .connectionReset)
    }

    @Test("finish does nothing on a closed or broken connection")
    func closed() async throws {
        let (connection, peer) = try pair(overTCP: true)
        peer.close()
        await connection.finish()
        await connection.finish(timeout: .seconds(60))
        #expect(connection.isClosed)
    }

    @Test("close does not wait, and resets the connection if received bytes were not read")
    func closeDoesNotWait() async throws {
        let (connection, peer) = try pair(overTCP: true)
        try peer.sendAll("unread")
        #expect(try await connection.read(atMost: 1) == [0x75])
        try peer.sendAll("unread")
        #expect(
            await eventually {
                System.queueLength(connection.source.descriptor, .receiveQueue) ?? 0 > 0
            })
        let start = ContinuousClock.now
        connection.close()
        #expect(start.duration(to: .now) < .seconds(1))
        let error = #expect(throws: SocketError.self) { try peer.receive(timeout: .seconds(10)) }
        #expect(error?.errno == .connectionReset)
    }
}
