import SystemPackage
import Testing

@testable import Sockets

@Suite("Connection: finish", .ownThread)
struct ConnectionFinishingTests {
    private func pair(overTCP: Bool) throws -> (connection: Connection, peer: Socket) {
        let (here, peer) = try overTCP ? Loopback.tcpPair() : Socket.pair()
        return (try Connection(adopting: here), peer)
    }

    @Test(
        "a peer whose bytes were not read gets the answer and a clean end",
        arguments: [true, false])
    func unreadBytes(overTCP: Bool) async throws {
        for _ in 0..<20 {
            let (connection, peer) = try pair(overTCP: overTCP)
            let asking = Background {
                try peer.sendAll(pattern(1_000_000))
                var answer: [UInt8] = []
                while try peer.receive(appendingTo: &answer) > 0 {}
                peer.close()
                return answer
            }
            #expect(try await connection.read(atMost: 10).count == 10)
            try await connection.write("answer")
            await connection.finish(timeout: .seconds(30))
            #expect(connection.isClosed)
            #expect(try await asking.result() == Array("answer".utf8))
        }
    }

    @Test("bytes that were received and not consumed are discarded")
    func bufferedBytes() async throws {
        let (connection, peer) = try pair(overTCP: true)
        try peer.sendAll("one\ntwo\nthree")
        #expect(try await connection.readLine() == "one")
        try peer.shutdown(.write)
        await connection.finish()
        #expect(connection.isClosed)
        #expect(try peer.receive().isEmpty)
    }

    @Test("finish ends at its timeout if the peer stays, and the peer reads the end before")
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

    @Test("finish ends although the peer sends without end", arguments: [true, false])
    func flood(overTCP: Bool) async throws {
        let (connection, peer) = try pair(overTCP: overTCP)
        let flooding = Background {
            var sent = 0
            do throws(SocketError) {
                while true { sent += try peer.send([UInt8](repeating: 1, count: 65536)) }
            } catch {
                return sent
            }
        }
        await connection.finish(timeout: .seconds(30))
        #expect(connection.isClosed)
        let sent = try await flooding.result()
        // What finish discards, and what the kernel's buffers held besides.
        #expect((16 << 20...64 << 20).contains(sent))
    }

    @Test("finish waits for the writes of other tasks")
    func queuedWrites() async throws {
        let (connection, peer) = try pair(overTCP: true)
        let writing = Task { try await connection.write(pattern(8 << 20)) }
        while !connection.isWriting { await Task.yield() }
        let finishing = Task { await connection.finish(timeout: .seconds(30)) }
        let received = try await Background {
            var received: [UInt8] = []
            while try peer.receive(appendingTo: &received) > 0 {}
            peer.close()
            return received
        }.result()
        let isSame = received == pattern(8 << 20)
        #expect(isSame)
        try await writing.value
        await finishing.value
    }

    @Test("finish leaves the rest to a task that is reading, and closes after it")
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

    @Test("cancellation closes at once")
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

    @Test("close does not wait, and resets a peer whose bytes were not read")
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
