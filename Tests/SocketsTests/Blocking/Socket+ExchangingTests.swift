import Testing

@testable import Sockets

@Suite("Socket: exchange", .ownThread)
struct SocketExchangingTests {
    @Test("an exchange of 32 MiB each way completes")
    func large() throws {
        let count = 32 << 20
        let (socket, peer) = try Loopback.tcpPair()
        let echo = EchoServer.onThread(peer)
        let request = pattern(count)
        let reply = try socket.exchange(
            request, reading: .toEnd(limit: count), timeout: .seconds(30))
        let isSame = reply.bytes == request
        #expect(isSame)
        #expect(try echo.value() == count)
    }

    @Test("exchange consumes only the bytes of the framed reply")
    func framing() throws {
        let (here, there) = try Socket.pair()
        try there.sendAll("one\r\ntwo;threefour")
        #expect(try here.exchange("?", reading: .line, timeout: .seconds(5)).text == "one")
        #expect(try here.exchange("?", reading: .until(0x3b), timeout: .seconds(5)).text == "two;")
        #expect(try here.exchange("?", reading: .exactly(5), timeout: .seconds(5)).text == "three")
        #expect(try here.receive() == Array("four".utf8))
        #expect(try there.receive() == Array("???".utf8))
    }

    @Test("exchange reads a line in pieces, and refuses a line that the end of the stream cut off")
    func pieces() throws {
        let (here, there) = try Socket.pair()
        let answering = Background {
            for byte in "slow\nlast".utf8 { try there.sendAll([byte]) }
            try there.shutdown(.write)
        }
        #expect(try here.exchange("", reading: .line, timeout: .seconds(5)).text == "slow")
        for expected in ["last", ""] {
            let error = #expect(throws: SocketError.self) {
                try here.exchange("", reading: .line, timeout: .seconds(5))
            }
            #expect(error?.cause == .endOfStream)
            #expect(error?.partialBytes == Array(expected.utf8))
        }
        try answering.value()
    }

    @Test(
        "an exchange throws an error with the partial bytes if the stream ends inside the reply",
        arguments: [Framing.exactly(3), .line, .until(0x3b)])
    func endsTooSoon(framing: Framing) throws {
        let (here, there) = try Socket.pair()
        try there.sendAll("ab")
        try there.shutdown(.write)
        let error = #expect(throws: SocketError.self) {
            try here.exchange("a request", reading: framing, timeout: .seconds(5))
        }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == Array("ab".utf8))
        #expect(error?.description.hasSuffix("(2 bytes were received)") == true)
    }

    @Test(
        "an exchange throws connectionReset with the partial bytes if a reset cuts off the reply",
        arguments: [Framing.exactly(4), .line, .until(0x3b), .toEnd()])
    func resetInsideReply(framing: Framing) throws {
        let (here, peer) = try Loopback.tcpPair()
        let answering = ReplyingPeer.resetting(peer, after: "ab")
        let error = #expect(throws: SocketError.self) {
            try here.exchange("?", reading: framing, timeout: .seconds(10))
        }
        #expect(error?.errno == .connectionReset)
        #expect(error?.partialBytes == Array("ab".utf8))
        try answering.value()
    }

    @Test(
        "an exchange that reads to EOF throws if a reset arrives before the whole request is sent",
        arguments: [false, true])
    func resetBeforeTheRequestIsSent(overTCP: Bool) throws {
        let (here, peer) = try Loopback.streamPair(overTCP: overTCP)
        let answering = ReplyingPeer.closingEarly(peer, after: "half an ans")
        let error = #expect(throws: SocketError.self) {
            try here.exchange(
                [UInt8](repeating: 7, count: 64 << 20), reading: .toEnd(), timeout: .seconds(30))
        }
        #expect(error?.errno == .connectionReset)
        #expect(error?.partialBytes == Array("half an ans".utf8))
        try answering.value()
    }

    @Test("exchange throws `timedOut` with its limit and counts the sent bytes")
    func timesOut() throws {
        let (here, there) = try Socket.pair()
        let error = #expect(throws: SocketError.self) {
            try here.exchange(
                [UInt8](repeating: 7, count: 8 << 20), reading: .toEnd(), timeout: .milliseconds(50)
            )
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(50)))
        #expect((error?.bytesTransferred ?? 0) > 0)
        withExtendedLifetime(there) {}
    }

    @Test(
        "an exchange that fails returns the received part of the reply in the error",
        arguments: [Framing.line, .until(0x3B), .exactly(100), .toEnd()])
    func partialReply(framing: Framing) throws {
        let (here, there) = try Socket.pair()
        try there.sendAll("7 bytes")
        let late = #expect(throws: SocketError.self) {
            try here.exchange("?", reading: framing, timeout: .milliseconds(50))
        }
        #expect(late?.isTimeout == true)
        #expect(late?.bytesTransferred == 1)
        #expect(late?.partialBytes == Array("7 bytes".utf8))
        #expect(late?.description.contains("(7 bytes were received)") == true)

        let (open, peer) = try Socket.pair()
        try peer.sendAll("7 bytes")
        let exchanging = Background { try open.exchange("?", reading: framing) }
        try waitUntilAThreadWaits(on: open)
        open.close()
        let closed = #expect(throws: SocketError.self) { try exchanging.value() }
        #expect(closed?.cause == .closed)
        #expect(closed?.partialBytes == Array("7 bytes".utf8))
    }

    @Test("an exchange whose reply is too long returns its bytes in the error")
    func tooLong() throws {
        let (here, there) = try Socket.pair()
        try there.sendAll("a reply")
        let error = #expect(throws: SocketError.self) {
            try here.exchange("?", reading: .toEnd(limit: 3), timeout: .seconds(5))
        }
        #expect(error?.cause == .tooLarge(limit: 3))
        #expect(error?.partialBytes == Array("a reply".utf8))
    }

    @Test("close makes a pending exchange throw `closed`")
    func closed() throws {
        let (here, there) = try Socket.pair()
        let exchanging = Background { try here.exchange("?", reading: .line) }
        _ = try there.receive(atMost: 1)
        try waitUntilAThreadWaits(on: here)
        here.close()
        let error = #expect(throws: SocketError.self) { try exchanging.value() }
        #expect(error?.cause == .closed)
    }

    @Test("exchange on a datagram socket throws `invalidInput`")
    func kinds() {
        let error = #expect(throws: SocketError.self) {
            try Socket(.ipv4, .datagram).exchange("?", reading: .toEnd())
        }
        guard case .invalidInput = error?.cause else {
            Issue.record("expected invalid input")
            return
        }
    }
}
