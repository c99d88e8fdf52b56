import Testing

@testable import Sockets

@Suite("SocketStream: exchange", .ownThread)
struct SocketStreamExchangingTests {
    private let peer: Socket
    private let stream: SocketStream

    init() throws {
        let (one, other) = try Socket.pair()
        peer = one
        stream = SocketStream(other)
    }

    @Test("exchange sends unflushed bytes first and leaves the bytes after the reply readable")
    func order() throws {
        try stream.write("before ")
        try peer.sendAll("one\ntwo\n")
        #expect(try stream.exchange("after", reading: .line, timeout: .seconds(5)).text == "one")
        #expect(try stream.readLine() == "two")
        #expect(try peer.receive() == Array("before after".utf8))
        try stream.flush()
        #expect(throws: SocketError.self) { try peer.receive(timeout: .milliseconds(0)) }
    }

    @Test(
        "an exchange throws an error with the partial bytes if the stream ends inside the reply",
        arguments: [Framing.exactly(3), .line, .until(0x3b)])
    func endsTooSoon(framing: Framing) throws {
        try stream.write("unflushed ")
        try peer.sendAll("ab")
        try peer.shutdown(.write)
        let error = #expect(throws: SocketError.self) {
            try stream.exchange("request", reading: framing, timeout: .seconds(5))
        }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == Array("ab".utf8))
        #expect(error?.description.hasSuffix("(2 bytes were received)") == true)
        #expect(try stream.readLine() == nil)
    }

    @Test(
        "an exchange throws connectionReset with the partial bytes if a reset cuts off the reply",
        arguments: [Framing.exactly(4), .line, .until(0x3b), .toEnd()])
    func resetInsideReply(framing: Framing) throws {
        let (here, peer) = try Loopback.tcpPair()
        let stream = SocketStream(here)
        let answering = ReplyingPeer.resetting(peer, after: "ab")
        let error = #expect(throws: SocketError.self) {
            try stream.exchange("?", reading: framing, timeout: .seconds(10))
        }
        #expect(error?.errno == .connectionReset)
        #expect(error?.partialBytes == Array("ab".utf8))
        try answering.value()
    }

    @Test("an exchange of 16 MiB whose reply ends with the stream completes")
    func large() throws {
        let echo = EchoServer.onThread(peer)
        let request = pattern(16 << 20)
        let reply = try stream.exchange(request, reading: .toEnd(), timeout: .seconds(30))
        let isSame = reply.bytes == request
        #expect(isSame)
        #expect(try echo.value() == request.count)
    }

    @Test("write throws `incompleteWrite` after a partially sent exchange")
    func incomplete() throws {
        let error = #expect(throws: SocketError.self) {
            try stream.exchange(
                [UInt8](repeating: 7, count: 8 << 20), reading: .toEnd(), timeout: .milliseconds(20)
            )
        }
        #expect(error?.isTimeout == true)
        let refused = #expect(throws: SocketError.self) { try stream.write("more") }
        #expect(refused?.cause == .incompleteWrite)
    }
}
