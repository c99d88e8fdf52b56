import Testing

@testable import Sockets

@Suite("Connection: parsed reads", .ownThread)
struct ConnectionParsingTests {
    private let peer: Connection
    private let connection: Connection

    init() throws { (peer, connection) = try Connection.pair() }

    @Test("read(parsing:) returns a message that arrives byte by byte")
    func pieces() async throws {
        let peer = peer
        let writing = Task { for byte in "3abc2de".utf8 { try await peer.write([byte]) } }
        #expect(try await connection.read(parsing: countedText) == "abc")
        #expect(try await connection.read(parsing: countedText) == "de")
        try await writing.value
        peer.close()
        #expect(try await connection.read(parsing: countedText) == nil)
    }

    @Test("a timeout of read(parsing:) consumes nothing")
    func timeout() async throws {
        try await peer.write("3ab")
        let error = await #expect(throws: SocketError.self) {
            try await connection.read(timeout: .milliseconds(1), parsing: countedText)
        }
        #expect(error?.isTimeout == true)
        try await peer.write("c")
        #expect(try await connection.read(parsing: countedText) == "abc")
    }

    @Test("read(parsing:) throws `endOfStream` with the partial bytes if the stream ends early")
    func endsTooSoon() async throws {
        try await peer.write("3ab")
        peer.close()
        let error = await #expect(throws: SocketError.self) {
            try await connection.read(parsing: countedText)
        }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == Array("3ab".utf8))
        #expect(try await connection.read(parsing: countedText) == nil)
    }

    @Test("an error of the parser consumes nothing")
    func parserThrows() async throws {
        struct Refused: Error {}
        try await peer.write("abc")
        await #expect(throws: Refused.self) {
            try await connection.read { _ -> (consumed: Int, value: Int)? in throw Refused() }
        }
        #expect(try await connection.read() == Array("abc".utf8))
    }

    @Test("read(parsing:) throws `tooLarge` if the parser asks for more than the limit")
    func parserAsksForTooMuch() async throws {
        try await peer.write("9abc")
        let error = await #expect(throws: SocketError.self) {
            try await connection.read(limit: 4, parsing: countedText)
        }
        #expect(error?.cause == .tooLarge(limit: 4))
        #expect(try await connection.read() == Array("9abc".utf8))
    }

    @Test("read(parsing:) refuses an impossible number of consumed bytes", arguments: [-1, 4])
    func parserConsumesTooMuch(count: Int) async throws {
        try await peer.write("abc")
        let error = await #expect(throws: SocketError.self) {
            try await connection.read { _ in (count, 0) }
        }
        #expect(
            error?.cause
                == .invalidInput("the parser consumed \(count) bytes: expected 0 to 3"))
        #expect(try await connection.read() == Array("abc".utf8))
    }

    @Test("a parser may consume no bytes, and the next read starts with the same bytes")
    func parserConsumesNothing() async throws {
        try await peer.write("1a")
        #expect(try await connection.read { bytes in (0, bytes.byteCount) } == 2)
        #expect(try await connection.read(parsing: countedText) == "a")
    }

    @Test("read(parsing:) passes the buffered bytes to the parser before it waits")
    func parsesBufferedBytes() async throws {
        try await peer.write("1a2bc")
        #expect(try await connection.peek(atLeast: 5).count == 5)
        #expect(try await connection.read(timeout: .milliseconds(0), parsing: countedText) == "a")
        #expect(try await connection.read(timeout: .milliseconds(0), parsing: countedText) == "bc")
    }

    @Test("read(parsing:) parses a message that is larger than the buffer")
    func parsesLargeMessage() async throws {
        let block = pattern(1_000_000)
        let peer = peer
        let writing = Task { try await peer.write(block) }
        let message = try await connection.read { bytes in
            bytes.byteCount < block.count
                ? nil : (consumed: block.count, value: bytes.withUnsafeBytes { Array($0) })
        }
        let isSame = message == block
        #expect(isSame)
        try await writing.value
    }

    @Test("a parser cannot put bytes back or read lines")
    func parserReads() async throws {
        try await peer.write("a\nb")
        let count = try await connection.read { bytes in
            for error in [
                #expect(throws: SocketError.self) { try connection.unread([7]) },
                #expect(throws: SocketError.self) { _ = try connection.bufferedLine() },
            ] {
                #expect(error?.cause == .busy)
            }
            return (consumed: 1, value: bytes.byteCount)
        }
        #expect(count == 3)
        #expect(try await connection.read() == Array("\nb".utf8))
    }

    @Test("a cancelled read(parsing:) or readFrame consumes nothing")
    func cancellation() async throws {
        let connection = connection
        try await peer.write("\u{3}ab")
        #expect(try await connection.peek(atLeast: 3).count == 3)
        let reading = Task { try await connection.readFrame(length: .uint8()) }
        reading.cancel()
        var error = await #expect(throws: SocketError.self) { try await reading.value }
        #expect(error?.cause == .cancelled)
        let parsing = Task {
            try await connection.read { _ -> (consumed: Int, value: Int)? in nil }
        }
        parsing.cancel()
        error = await #expect(throws: SocketError.self) { try await parsing.value }
        #expect(error?.cause == .cancelled)
        try await peer.write("c")
        #expect(try await connection.readFrame(length: .uint8()) == Array("abc".utf8))
    }

    @Test("read(parsing:), readFrame and peek return decrypted bytes over TLS")
    func encrypted() async throws {
        let (client, server) = try await TLSPeers.pair()
        try await server.write([3] + Array("abc2bc".utf8) + [0])
        #expect(try await client.peek(atLeast: 2).prefix(2) == [3, 0x61])
        #expect(try await client.readFrame(length: .uint8()) == Array("abc".utf8))
        #expect(try await client.read(parsing: countedText) == "bc")
        #expect(try await client.readFrame(length: .uint8()) == [])
    }

    @Test("readUntil finds a delimiter of several bytes that arrives in pieces")
    func until() async throws {
        let peer = peer
        let writing = Task {
            for byte in "one\r\r\n\r\ntwo".utf8 { try await peer.write([byte]) }
            peer.close()
        }
        #expect(try await connection.readUntil("\r\n\r\n") == Array("one\r\r\n\r\n".utf8))
        #expect(try await connection.readUntil([0x0D, 0x0A]) == Array("two".utf8))
        #expect(try await connection.readUntil("\r\n") == nil)
        try await writing.value
    }

    @Test("readUntil refuses an empty delimiter")
    func emptyDelimiter() async throws {
        let error = await #expect(throws: SocketError.self) { try await connection.readUntil("") }
        guard case .invalidInput = error?.cause else {
            Issue.record("expected invalidInput")
            return
        }
    }

    @Test("peek returns the bytes that the next read returns")
    func peek() async throws {
        try await peer.write("ab")
        #expect(try await connection.peek() == Array("ab".utf8))
        try await peer.write("c\n")
        #expect(try await connection.peek(atLeast: 4) == Array("abc\n".utf8))
        #expect(try await connection.readLine() == "abc")
        #expect(try await connection.peek(atLeast: 0).isEmpty)
        peer.close()
        #expect(try await connection.peek().isEmpty)
    }

    @Test("unread puts bytes in front of the received bytes")
    func unread() async throws {
        try await peer.write("two\nthree\n")
        #expect(try await connection.peek() == Array("two\nthree\n".utf8))
        try connection.unread(Array("one\n".utf8))
        try connection.unread([])
        #expect(try await connection.readLine() == "one")
        #expect(try await connection.readLine() == "two")
        try connection.unread(Array("two and a half\n".utf8))
        #expect(try await connection.readLine() == "two and a half")
        #expect(try await connection.readLine() == "three")
        peer.close()
        #expect(try await connection.read().isEmpty)
        try connection.unread([7])
        #expect(try await connection.read() == [7])
        #expect(try await connection.read().isEmpty)
    }

    @Test("unread works before the first read and in front of a line that was already searched")
    func unreadFirst() async throws {
        try connection.unread(Array("one\nhalf".utf8))
        #expect(try await connection.readLine() == "one")
        let error = await #expect(throws: SocketError.self) {
            try await connection.readLine(timeout: .milliseconds(1))
        }
        #expect(error?.isTimeout == true)
        try connection.unread(Array("a\nsecond ".utf8))
        #expect(try await connection.readLine() == "a")
        try await peer.write("\n")
        #expect(try await connection.readLine() == "second half")
    }

    @Test("peek returns more bytes than the usual size of the buffer")
    func largePeek() async throws {
        let block = pattern(300_000)
        let peer = peer
        let writing = Task { try await peer.write(block) }
        let peeked = try await connection.peek(atLeast: block.count)
        let read = try await connection.readExactly(block.count)
        let isSame = peeked == block && read == block
        #expect(isSame)
        try await writing.value
    }

    @Test("integers are read and written in both byte orders")
    func integers() async throws {
        try await peer.write(0x0102_0304, as: UInt32.self)
        try await peer.write(0x0102_0304, as: UInt32.self, byteOrder: .littleEndian)
        try await peer.write(-2, as: Int16.self)
        #expect(try await connection.peek(atLeast: 10) == [1, 2, 3, 4, 4, 3, 2, 1, 0xFF, 0xFE])
        #expect(try await connection.read(as: UInt32.self) == 0x0102_0304)
        #expect(try await connection.read(as: UInt32.self, byteOrder: .littleEndian) == 0x0102_0304)
        #expect(try await connection.read(as: Int16.self) == -2)
    }

    @Test(
        "readFrame returns what writeFrame wrote, and nil at the end of the stream",
        arguments: [
            FrameLength.uint8(), .uint16(), .uint16(.littleEndian), .uint32(),
            .uint32(.littleEndian), .uint64(), .uint64(.littleEndian),
        ])
    func frames(length: FrameLength) async throws {
        let frames = ["hello", "", String(repeating: "x", count: 200)].map { Array($0.utf8) }
        for frame in frames { try await peer.writeFrame(frame, length: length) }
        peer.close()
        for frame in frames {
            #expect(try await connection.readFrame(length: length) == frame)
        }
        #expect(try await connection.readFrame(length: length) == nil)
    }

    @Test("a timeout of readFrame consumes nothing")
    func frameTimeout() async throws {
        try await peer.write([0, 3, 1, 2])
        let error = await #expect(throws: SocketError.self) {
            try await connection.readFrame(length: .uint16(), timeout: .milliseconds(1))
        }
        #expect(error?.isTimeout == true)
        try await peer.write([3])
        #expect(try await connection.readFrame(length: .uint16()) == [1, 2, 3])
    }

    @Test("readFrame throws `tooLarge` for a length beyond its limit, and keeps the bytes")
    func frameTooLarge() async throws {
        try await peer.write([0, 5])
        let error = await #expect(throws: SocketError.self) {
            try await connection.readFrame(length: .uint16(limit: 4))
        }
        #expect(error?.cause == .tooLarge(limit: 4))
        #expect(try await connection.read() == [0, 5])
    }

    @Test("readFrame throws `endOfStream` if the stream ends inside a frame")
    func frameEndsTooSoon() async throws {
        try await peer.write([0, 5, 1])
        peer.close()
        let error = await #expect(throws: SocketError.self) {
            try await connection.readFrame(length: .uint16())
        }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == [0, 5, 1])
    }

    @Test("writeFrame throws `tooLarge` for a payload beyond the limit, and writes nothing")
    func payloadTooLarge() async throws {
        let error = await #expect(throws: SocketError.self) {
            try await peer.writeFrame([1, 2, 3], length: .uint8(limit: 2))
        }
        #expect(error?.cause == .tooLarge(limit: 2))
        peer.close()
        #expect(try await connection.read().isEmpty)
    }

    @Test("an exchange reads a frame and a message with a delimiter of several bytes")
    func exchange() async throws {
        try await peer.write([2, 7, 8])
        try await peer.write("one\r\n\r\n")
        #expect(
            try await connection.exchange("?", reading: .frame(length: .uint8())).bytes == [7, 8])
        #expect(
            try await connection.exchange("?", reading: .until("\r\n\r\n")).text == "one\r\n\r\n")
    }

    @Test("chunks returns all bytes, and ends at the end of the stream")
    func chunks() async throws {
        let block = pattern(1_000_000)
        let peer = peer
        let writing = Task {
            try await peer.write(block)
            peer.close()
        }
        var received: [UInt8] = []
        for try await chunk in connection.chunks {
            #expect(!chunk.isEmpty)
            received += chunk
        }
        let isSame = received == block
        #expect(isSame)
        try await writing.value
    }

    @Test("a loop over chunks after readLine starts with the byte after the line")
    func chunksAfterLine() async throws {
        try await peer.write("line\nrest")
        peer.close()
        #expect(try await connection.readLine() == "line")
        var received: [UInt8] = []
        for try await chunk in connection.chunks { received += chunk }
        #expect(received == Array("rest".utf8))
    }

    @Test("messages returns each message, and ends at the end of the stream")
    func messages() async throws {
        try await peer.write("a;;b;;c")
        peer.close()
        var received: [String] = []
        for try await message in connection.messages(reading: .until(";;")) {
            received.append(String(decoding: message, as: UTF8.self))
        }
        #expect(received == ["a;;", "b;;", "c"])
    }

    @Test("messages throws for messages without bytes, which would never end", arguments: [0, -1])
    func emptyMessages(count: Int) async throws {
        try await peer.write("abc")
        let error = await #expect(throws: SocketError.self) {
            for try await _ in connection.messages(reading: .exactly(count)) {
                Issue.record("expected no message")
                return
            }
        }
        #expect(
            error?.cause
                == .invalidInput("each message has \(count) bytes: expected at least 1 byte"))
        #expect(try await connection.read() == Array("abc".utf8))
    }

    @Test("messages throws `endOfStream` if the stream ends inside a frame")
    func messagesEndTooSoon() async throws {
        try await peer.write([1, 7, 2, 8])
        peer.close()
        var received: [[UInt8]] = []
        let error = await #expect(throws: SocketError.self) {
            for try await frame in connection.messages(reading: .frame(length: .uint8())) {
                received.append(frame)
            }
        }
        #expect(received == [[7]])
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == [2, 8])
    }

    @Test("messages with `toEnd` returns all bytes as one message")
    func messagesToEnd() async throws {
        try await peer.write("abc")
        peer.close()
        var received: [[UInt8]] = []
        for try await message in connection.messages(reading: .toEnd()) { received.append(message) }
        #expect(received == [Array("abc".utf8)])
    }
}
