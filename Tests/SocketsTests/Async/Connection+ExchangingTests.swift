import Testing

@testable import Sockets

@Suite("Connection: exchange", .ownThread)
struct ConnectionExchangingTests {
    /// More bytes than all buffers between the two ends can hold.
    static let large = 256 << 20

    @Test("a write of 256 MiB to an echo server times out if the client does not read")
    func writingWithoutReading() async throws {
        let (socket, peer) = try Loopback.tcpPair()
        let echo = EchoServer.onThread(peer)
        let connection = try Connection(adopting: socket)
        let error = await #expect(throws: SocketError.self) {
            try await connection.write(
                [UInt8](repeating: 7, count: Self.large), timeout: .milliseconds(500))
        }
        #expect(error?.isTimeout == true)
        #expect((error?.bytesTransferred ?? 0) < Self.large)
        connection.close()
        peer.close()
        _ = try? echo.value()
    }

    @Test("an exchange of 256 MiB each way with an echo server completes")
    func large() async throws {
        let (socket, peer) = try Loopback.tcpPair()
        let echo = EchoServer.onThread(peer)
        let connection = try Connection(adopting: socket)
        let request = pattern(Self.large)
        let reply = try await connection.exchange(
            request, reading: .toEnd(limit: Self.large), timeout: .seconds(60))
        let isSame = reply.bytes == request
        #expect(isSame)
        #expect(reply.unsentRequestBytes == 0)
        #expect(try echo.value() == Self.large)
    }

    @Test("exchange keeps the connection open after a framed reply")
    func framing() async throws {
        let (here, there) = try Connection.pair()
        let serving = Task { try await there.copy(to: there) }
        #expect(try await here.exchange("hello\r\n", reading: .line).text == "hello")
        #expect(try await here.exchange("abcdef", reading: .exactly(4)).text == "abcd")
        #expect(try await here.exchange(";", reading: .until(0x3b)).text == "ef;")
        #expect(try await here.exchange("", reading: .exactly(0)).text == "")
        #expect(try await here.exchange("bye", reading: .toEnd()).text == "bye")
        #expect(try await serving.value == 17)
    }

    @Test("the next read returns the bytes that follow a reply")
    func surplus() async throws {
        let (here, there) = try Connection.pair()
        try await there.write("one\ntwo\n")
        #expect(try await here.exchange("?", reading: .line).text == "one")
        #expect(try await here.readLine() == "two")
        #expect(try await there.read() == [0x3f])
    }

    @Test(
        "exchange returns the reply of a peer that closes without reading the whole request",
        arguments: [
            false, true,
        ])
    func answersEarly(overTCP: Bool) async throws {
        let (socket, peer) = try Loopback.streamPair(overTCP: overTCP)
        let connection = try Connection(adopting: socket)
        let answering = ReplyingPeer.closingEarly(peer, after: "no\n")
        let reply = try await connection.exchange(
            [UInt8](repeating: 7, count: 64 << 20), reading: .line, timeout: .seconds(30))
        #expect(reply.text == "no")
        #expect(reply.unsentRequestBytes > 0)
        try answering.value()
        let error = await #expect(throws: SocketError.self) { try await connection.write("more") }
        #expect(error?.cause == .incompleteWrite)
    }

    @Test(
        "an exchange that reads to EOF throws if a reset arrives before the whole request is sent",
        arguments: [false, true])
    func resetBeforeTheRequestIsSent(overTCP: Bool) async throws {
        let (socket, peer) = try Loopback.streamPair(overTCP: overTCP)
        let connection = try Connection(adopting: socket)
        let answering = ReplyingPeer.closingEarly(peer, after: "half an ans")
        let error = await #expect(throws: SocketError.self) {
            try await connection.exchange(
                [UInt8](repeating: 7, count: 64 << 20), reading: .toEnd(), timeout: .seconds(30))
        }
        #expect(error?.errno == .connectionReset)
        #expect(error?.partialBytes == Array("half an ans".utf8))
        #expect(error.map { (1..<64 << 20).contains($0.bytesTransferred) } == true)
        try answering.value()
    }

    @Test("exchange throws and counts the sent bytes if the peer closes before the reply")
    func breaks() async throws {
        let (here, there) = try Connection.pair()
        let closing = Task {
            _ = try await there.read(atMost: 1)
            there.close()
        }
        let error = await #expect(throws: SocketError.self) {
            try await here.exchange(
                [UInt8](repeating: 7, count: 8 << 20), reading: .toEnd(), timeout: .seconds(30))
        }
        #expect(error?.errno == .brokenPipe || error?.errno == .connectionReset)
        #expect((error?.bytesTransferred ?? 0) > 0)
        try await closing.value
    }

    @Test(
        "an exchange throws an error with the partial bytes if the stream ends inside the reply",
        arguments: [Framing.exactly(3), .line, .until(0x3b)])
    func endsTooSoon(framing: Framing) async throws {
        let (here, there) = try Connection.pair()
        try await there.write("ab")
        try there.shutdown(.write)
        let error = await #expect(throws: SocketError.self) {
            try await here.exchange("a request", reading: framing)
        }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == Array("ab".utf8))
        #expect(error?.bytesTransferred == 9)
        // Only the bytes of the reply were received.
        #expect(
            error?.description == "cannot exchange a request and a reply:"
                + " unexpected end of stream (2 bytes were received)")
        #expect(try await here.read().isEmpty)
    }

    @Test("an exchange throws an error without partial bytes if the stream ends before the reply")
    func endsBeforeReply() async throws {
        let (here, there) = try Connection.pair()
        try there.shutdown(.write)
        for framing in [Framing.line, .until(0x3b), .exactly(1)] {
            let error = await #expect(throws: SocketError.self) {
                try await here.exchange("a request", reading: framing)
            }
            #expect(error?.cause == .endOfStream)
            #expect(error?.partialBytes == [])
            #expect(error?.description.hasSuffix("unexpected end of stream") == true)
        }
    }

    @Test(
        "an exchange throws connectionReset with the partial bytes if a reset cuts off the reply",
        arguments: [Framing.exactly(4), .line, .until(0x3b), .toEnd()])
    func resetInsideReply(framing: Framing) async throws {
        let (socket, peer) = try Loopback.tcpPair()
        let connection = try Connection(adopting: socket)
        let answering = ReplyingPeer.resetting(peer, after: "ab")
        let error = await #expect(throws: SocketError.self) {
            try await connection.exchange("?", reading: framing, timeout: .seconds(10))
        }
        #expect(error?.errno == .connectionReset)
        #expect(error?.partialBytes == Array("ab".utf8))
        let later = await #expect(throws: SocketError.self) { try await connection.read() }
        #expect(later?.errno == .connectionReset)
        try answering.value()
    }

    @Test(
        "an exchange throws `tooLarge` for a reply beyond the limit, and the reply stays readable")
    func tooLarge() async throws {
        let (here, there) = try Connection.pair()
        try await there.write("abcdef")
        there.close()
        let error = await #expect(throws: SocketError.self) {
            try await here.exchange("", reading: .toEnd(limit: 5))
        }
        #expect(error?.cause == .tooLarge(limit: 5))
        #expect(try await here.read() == Array("abcdef".utf8))
    }

    @Test("exchange throws `timedOut` and keeps the received bytes readable")
    func timesOut() async throws {
        let (here, there) = try Connection.pair()
        try await there.write("part")
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await here.exchange("?", reading: .line, timeout: .milliseconds(50))
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(50)))
        #expect(error?.bytesTransferred == 1)
        #expect(start.duration(to: .now) >= .milliseconds(50))
        #expect(try await here.read() == Array("part".utf8))
    }

    @Test("a cancelled exchange throws `cancelled`, and later writes throw `incompleteWrite`")
    func cancelled() async throws {
        let (here, there) = try Connection.pair()
        let exchanging = Task {
            try await here.exchange([UInt8](repeating: 7, count: 8 << 20), reading: .toEnd())
        }
        _ = try await there.read(atMost: 1)
        exchanging.cancel()
        let result = await exchanging.result
        guard case .failure(let error as SocketError) = result else {
            Issue.record("expected an error")
            return
        }
        #expect(error.cause == .cancelled)
        let refused = await #expect(throws: SocketError.self) { try await here.write("more") }
        #expect(refused?.cause == .incompleteWrite)
    }

    @Test("close makes a pending exchange throw `closed`")
    func closed() async throws {
        let (here, there) = try Connection.pair()
        let exchanging = Task { try await here.exchange("?", reading: .toEnd()) }
        _ = try await there.read(atMost: 1)
        here.close()
        let result = await exchanging.result
        guard case .failure(let error as SocketError) = result else {
            Issue.record("expected an error")
            return
        }
        #expect(error.cause == .closed)
    }
}
