import Testing

@testable import Sockets

@Suite("SocketStream: parsed reads", .ownThread)
struct SocketStreamParsingTests {
    private let peer: Socket
    private let stream: SocketStream

    init() throws {
        let (one, other) = try Socket.pair()
        peer = one
        stream = SocketStream(other, bufferSize: 16, lineLimit: 64)
    }

    @Test("read(parsing:) returns each message, and nil at the end of the stream")
    func messages() throws {
        try peer.sendAll("3abc2de")
        peer.close()
        #expect(try stream.read(parsing: countedText) == "abc")
        #expect(try stream.read(parsing: countedText) == "de")
        #expect(try stream.read(parsing: countedText) == nil)
    }

    @Test("a timeout of read(parsing:) consumes nothing")
    func timeout() throws {
        try peer.sendAll("3ab")
        let error = #expect(throws: SocketError.self) {
            try stream.read(timeout: .milliseconds(1), parsing: countedText)
        }
        #expect(error?.isTimeout == true)
        try peer.sendAll("c")
        #expect(try stream.read(parsing: countedText) == "abc")
    }

    @Test("read(parsing:) throws `endOfStream` with the partial bytes if the stream ends early")
    func endsTooSoon() throws {
        try peer.sendAll("3ab")
        peer.close()
        let error = #expect(throws: SocketError.self) {
            try stream.read(parsing: countedText)
        }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == Array("3ab".utf8))
        #expect(try stream.read(parsing: countedText) == nil)
    }

    @Test("an error of the parser consumes nothing")
    func parserThrows() throws {
        struct Refused: Error {}
        try peer.sendAll("abc")
        #expect(throws: Refused.self) {
            try stream.read { _ -> (consumed: Int, value: Int)? in throw Refused() }
        }
        #expect(try stream.read() == Array("abc".utf8))
    }

    @Test("read(parsing:) throws `tooLarge` if the parser asks for more than the limit")
    func parserAsksForTooMuch() throws {
        try peer.sendAll("9abc")
        let error = #expect(throws: SocketError.self) {
            try stream.read(limit: 4, parsing: countedText)
        }
        #expect(error?.cause == .tooLarge(limit: 4))
        #expect(try stream.read() == Array("9abc".utf8))
    }

    @Test("read(parsing:) refuses an impossible number of consumed bytes", arguments: [-1, 4])
    func parserConsumesTooMuch(count: Int) throws {
        try peer.sendAll("abc")
        let error = #expect(throws: SocketError.self) { try stream.read { _ in (count, 0) } }
        #expect(
            error?.cause
                == .invalidInput("the parser consumed \(count) bytes: expected 0 to 3"))
        #expect(try stream.read() == Array("abc".utf8))
    }

    @Test("a parser cannot read from its stream, put bytes back or exchange")
    func parserReads() throws {
        try peer.sendAll("a\nb")
        let count = try stream.read { bytes in
            #expect(throws: SocketError.self) { try stream.readLine() }
            #expect(throws: SocketError.self) { try stream.withLine { $0.byteCount } }
            #expect(throws: SocketError.self) { try stream.read() }
            #expect(throws: SocketError.self) { try stream.readExactly(1) }
            #expect(throws: SocketError.self) { try stream.readUntil("b") }
            #expect(throws: SocketError.self) { try stream.peek() }
            #expect(throws: SocketError.self) { try stream.read(parsing: countedText) }
            #expect(throws: SocketError.self) { try stream.unread([7]) }
            #expect(throws: SocketError.self) { try stream.exchange("?", reading: .line) }
            return (consumed: 1, value: bytes.byteCount)
        }
        #expect(count == 3)
        #expect(try stream.read() == Array("\nb".utf8))
    }

    @Test("a parser may consume no bytes, and the next read starts with the same bytes")
    func parserConsumesNothing() throws {
        try peer.sendAll("1a")
        #expect(try stream.read { bytes in (0, bytes.byteCount) } == 2)
        #expect(try stream.read(parsing: countedText) == "a")
    }

    @Test("read(parsing:) passes the buffered bytes to the parser before it waits")
    func parsesBufferedBytes() throws {
        try peer.sendAll("1a2bc")
        #expect(try stream.peek(atLeast: 5).count == 5)
        #expect(try stream.read(timeout: .milliseconds(0), parsing: countedText) == "a")
        #expect(try stream.read(timeout: .milliseconds(0), parsing: countedText) == "bc")
    }

    @Test("read(parsing:) parses a message that is larger than the buffer")
    func parsesLargeMessage() throws {
        let block = pattern(50_000)
        try peer.sendAll(block)
        let message = try stream.read { bytes in
            bytes.byteCount < block.count
                ? nil : (consumed: block.count, value: bytes.withUnsafeBytes { Array($0) })
        }
        let isSame = message == block
        #expect(isSame)
    }

    @Test("read(parsing:), readFrame and peek return decrypted bytes over TLS")
    func encrypted() async throws {
        let (client, server) = try Loopback.tcpPair()
        let configuration = try TLSPeers.server()
        let started = Background { try server.startTLS(configuration) }
        try client.startTLS(TLSPeers.client())
        try await started.result()
        let stream = SocketStream(client)
        try server.sendAll([3] + Array("abc2bc".utf8) + [0])
        #expect(try stream.peek(atLeast: 2).prefix(2) == [3, 0x61])
        #expect(try stream.readFrame(length: .uint8()) == Array("abc".utf8))
        #expect(try stream.read(parsing: countedText) == "bc")
        #expect(try stream.readFrame(length: .uint8()) == [])
    }

    @Test("unread works before the first read, and after the end of the stream")
    func unreadFirst() throws {
        try stream.unread(Array("one\n".utf8))
        #expect(try stream.readLine() == "one")
        peer.close()
        #expect(try stream.readLine() == nil)
        try stream.unread(Array("two".utf8))
        #expect(try stream.readLine() == "two")
        #expect(try stream.readLine() == nil)
    }

    @Test("unread puts bytes in front of a line that was already searched")
    func unreadInsideLine() throws {
        try peer.sendAll("half")
        #expect(throws: SocketError.self) { try stream.readLine(timeout: .milliseconds(1)) }
        try stream.unread(Array("a\nsecond ".utf8))
        #expect(try stream.readLine() == "a")
        try peer.sendAll("\n")
        #expect(try stream.readLine() == "second half")
    }

    @Test("read(parsing:) sends the unsent bytes before it waits")
    func flushes() throws {
        let (peer, stream) = (peer, stream)
        try stream.write("question\n")
        let error = #expect(throws: SocketError.self) {
            try stream.read(timeout: .milliseconds(1), parsing: countedText)
        }
        #expect(error?.isTimeout == true)
        #expect(try peer.receive() == Array("question\n".utf8))
    }

    @Test("readUntil finds a delimiter of several bytes")
    func until() throws {
        try peer.sendAll("one\r\r\n\r\ntwo")
        peer.close()
        #expect(try stream.readUntil("\r\n\r\n") == Array("one\r\r\n\r\n".utf8))
        #expect(try stream.readUntil([0x0D, 0x0A]) == Array("two".utf8))
        #expect(try stream.readUntil("\r\n") == nil)
    }

    @Test("readUntil refuses an empty delimiter")
    func emptyDelimiter() throws {
        let error = #expect(throws: SocketError.self) { try stream.readUntil([]) }
        guard case .invalidInput = error?.cause else {
            Issue.record("expected invalidInput")
            return
        }
    }

    @Test("peek returns the bytes that the next read returns, even more than the buffer's size")
    func peek() throws {
        try peer.sendAll("ab")
        #expect(try stream.peek() == Array("ab".utf8))
        let rest = String(repeating: "c", count: 50)
        try peer.sendAll(rest + "\n")
        #expect(try stream.peek(atLeast: 53) == Array("ab\(rest)\n".utf8))
        #expect(try stream.readLine() == "ab\(rest)")
        #expect(try stream.peek(atLeast: 0).isEmpty)
        peer.close()
        #expect(try stream.peek().isEmpty)
    }

    @Test("unread puts bytes in front of the received bytes")
    func unread() throws {
        try peer.sendAll("two\nthree\n")
        #expect(try stream.peek(atLeast: 10).count == 10)
        try stream.unread(Array("one\n".utf8))
        try stream.unread([])
        #expect(try stream.readLine() == "one")
        #expect(try stream.readLine() == "two")
        try stream.unread(Array("two and a half\n".utf8))
        #expect(try stream.readLine() == "two and a half")
        #expect(try stream.readLine() == "three")
        peer.close()
        #expect(try stream.read().isEmpty)
        try stream.unread([7])
        #expect(try stream.read() == [7])
        #expect(try stream.read().isEmpty)
    }

    @Test("integers are read and written in both byte orders")
    func integers() throws {
        try stream.write(0x0102_0304, as: UInt32.self)
        try stream.write(0x0102_0304, as: UInt32.self, byteOrder: .littleEndian)
        try stream.write(-2, as: Int16.self)
        try stream.flush()
        let bytes = try peer.receive()
        #expect(bytes == [1, 2, 3, 4, 4, 3, 2, 1, 0xFF, 0xFE])
        try peer.sendAll(bytes)
        #expect(try stream.read(as: UInt32.self) == 0x0102_0304)
        #expect(try stream.read(as: UInt32.self, byteOrder: .littleEndian) == 0x0102_0304)
        #expect(try stream.read(as: Int16.self) == -2)
    }

    @Test(
        "readFrame returns what writeFrame wrote, and nil at the end of the stream",
        arguments: [
            FrameLength.uint8(), .uint16(), .uint16(.littleEndian), .uint32(),
            .uint32(.littleEndian), .uint64(), .uint64(.littleEndian),
        ])
    func frames(length: FrameLength) throws {
        let frames = ["hello", "", String(repeating: "x", count: 200)].map { Array($0.utf8) }
        let writer = SocketStream(peer)
        for frame in frames { try writer.writeFrame(frame, length: length) }
        try writer.close()
        for frame in frames { #expect(try stream.readFrame(length: length) == frame) }
        #expect(try stream.readFrame(length: length) == nil)
    }

    @Test("a timeout of readFrame consumes nothing")
    func frameTimeout() throws {
        try peer.sendAll([0, 3, 1, 2])
        let error = #expect(throws: SocketError.self) {
            try stream.readFrame(length: .uint16(), timeout: .milliseconds(1))
        }
        #expect(error?.isTimeout == true)
        try peer.sendAll([3])
        #expect(try stream.readFrame(length: .uint16()) == [1, 2, 3])
    }

    @Test("readFrame throws `tooLarge` for a length beyond its limit, and keeps the bytes")
    func frameTooLarge() throws {
        try peer.sendAll([0, 5])
        let error = #expect(throws: SocketError.self) {
            try stream.readFrame(length: .uint16(limit: 4))
        }
        #expect(error?.cause == .tooLarge(limit: 4))
        #expect(try stream.read() == [0, 5])
    }

    @Test("readFrame throws `endOfStream` if the stream ends inside a frame")
    func frameEndsTooSoon() throws {
        try peer.sendAll([0, 5, 1])
        peer.close()
        let error = #expect(throws: SocketError.self) {
            try stream.readFrame(length: .uint16())
        }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == [0, 5, 1])
    }

    @Test("writeFrame throws `tooLarge` for a payload beyond the limit, and writes nothing")
    func payloadTooLarge() throws {
        let error = #expect(throws: SocketError.self) {
            try stream.writeFrame([1, 2, 3], length: .uint8(limit: 2))
        }
        #expect(error?.cause == .tooLarge(limit: 2))
        try stream.close()
        #expect(try peer.receive().isEmpty)
    }

    @Test("an exchange of a socket receives nothing beyond a frame or a long delimiter")
    func exchange() throws {
        try peer.sendAll([0, 2, 7, 8] + Array("one\r\r\n\r\nrest".utf8))
        let socket = stream.socket
        #expect(
            try socket.exchange("?", reading: .frame(length: .uint16())).bytes == [7, 8])
        #expect(
            try socket.exchange("?", reading: .until("\r\n\r\n")).text == "one\r\r\n\r\n")
        #expect(try socket.receive() == Array("rest".utf8))
    }

    @Test("readMessage reads a line after the rest of an overlong line was skipped")
    func messageAfterLongLine() throws {
        try peer.sendAll(String(repeating: "x", count: 100) + "\nnext\n")
        let error = #expect(throws: SocketError.self) { try stream.readMessage(reading: .line) }
        #expect(error?.cause == .lineTooLong(limit: 64))
        #expect(try stream.readMessage(reading: .line) == Array("next".utf8))
    }
}
