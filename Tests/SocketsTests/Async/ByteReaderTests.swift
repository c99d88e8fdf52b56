import SystemPackage
import Testing

@testable import Sockets

@Suite("ByteReader, ByteWriter", .ownThread)
struct ByteReaderTests {
    /// Checks each method through the protocols only.
    private func checkMethods(
        _ stream: some ByteReader, _ peer: some ByteWriter
    ) async throws {
        try await peer.write(0x0102, as: UInt16.self)
        try await peer.write(0x0102, as: UInt16.self, byteOrder: .littleEndian)
        #expect(try await stream.peek(atLeast: 4) == [1, 2, 2, 1])
        #expect(try await stream.read(as: UInt16.self) == 0x0102)
        #expect(try await stream.read(as: UInt16.self, byteOrder: .littleEndian) == 0x0102)
        try await peer.writeFrame([1, 2, 3], length: .uint8())
        #expect(try await stream.readFrame(length: .uint8()) == [1, 2, 3])
        try await peer.write("a;b--c--d,")
        #expect(try await stream.readUntil(UInt8(ascii: ";")) == Array("a;".utf8))
        #expect(try await stream.readUntil("--") == Array("b--".utf8))
        #expect(try await stream.readUntil(Array("--".utf8)) == Array("c--".utf8))
        #expect(try await stream.readMessage(reading: .exactly(2)) == Array("d,".utf8))
        try stream.unread(Array("3abc".utf8))
        #expect(try await stream.read(parsing: countedText) == "abc")
        let message = Array("x".utf8)
        try await peer.write(message.span.bytes)
        var bytes: [UInt8] = [0, 0]
        var span = bytes.mutableSpan
        var memory = span.mutableBytes
        let count = try await stream.read(into: &memory)
        #expect(count == 1)
        #expect(bytes == [UInt8(ascii: "x"), 0])
        try await peer.write("rest")
        #expect(try await stream.read(atMost: 2) == Array("re".utf8))
        try peer.shutdown(.write)
        #expect(try await stream.readToEnd() == Array("st".utf8))
        #expect(try await stream.readFrame(length: .uint8()) == nil)
        let error = await #expect(throws: SocketError.self) { try await stream.readExactly(1) }
        #expect(error?.cause == .endOfStream)
    }

    @Test("all methods of a memory stream work through ByteReader and ByteWriter")
    func methodsInMemory() async throws {
        let (one, other) = try MemoryStream.pair()
        try await checkMethods(one, other)
    }

    @Test("messages that arrive byte by byte are whole")
    func pieces() async throws {
        let (one, other) = try MemoryStream.pair(largestTransfer: 1)
        try await other.write("a line\nuntil;")
        try await other.writeFrame([1, 2, 3], length: .uint16())
        try await other.write(7, as: UInt32.self)
        try await other.write("3abcrest")
        other.close()
        #expect(try await one.readLine() == "a line")
        #expect(try await one.readUntil(";") == Array("until;".utf8))
        #expect(try await one.readFrame(length: .uint16()) == [1, 2, 3])
        #expect(try await one.read(as: UInt32.self) == 7)
        #expect(try await one.read(parsing: countedText) == "abc")
        #expect(try await one.readToEnd() == Array("rest".utf8))
    }

    @Test("all methods of a connection work through ByteReader and ByteWriter")
    func methodsOfConnection() async throws {
        let (one, other) = try Connection.pair()
        try await checkMethods(one, other)
    }

    @Test("all methods of a descriptor's stream work through ByteReader and ByteWriter")
    func methodsOfDescriptor() async throws {
        let ends = try FileDescriptor.pipe()
        try await checkMethods(
            DescriptorStream(adopting: ends.readEnd), DescriptorStream(adopting: ends.writeEnd))
    }

    @Test("a frame that exceeds its limit is not written")
    func tooLargeFrame() async throws {
        let (one, other) = try MemoryStream.pair()
        let error = await #expect(throws: SocketError.self) {
            try await one.writeFrame([1, 2], length: .uint8(limit: 1))
        }
        #expect(error?.cause == .tooLarge(limit: 1))
        one.close()
        #expect(try await other.read().isEmpty)
    }

    /// Returns the errors of two methods that the protocols add.
    private func failures(
        of stream: some ByteReader & ByteWriter
    ) async -> (reading: SocketError?, writing: SocketError?) {
        let reading = await #expect(throws: SocketError.self) { try await stream.readExactly(1) }
        let writing = await #expect(throws: SocketError.self) {
            try await stream.writeFrame([1, 2], length: .uint8(limit: 1))
        }
        return (reading, writing)
    }

    @Test("the errors of methods that the protocols add name the stream")
    func namedErrors() async throws {
        let (one, other) = try MemoryStream.pair()
        other.close()
        let inMemory = await failures(of: one)
        #expect(
            inMemory.reading?.description
                == "cannot read from the memory stream: unexpected end of stream")
        #expect(
            inMemory.writing?.description.hasPrefix("cannot write to the memory stream: ") == true)
        let listener = try Listener(on: Loopback.ipv4)
        let client = try await Connection(to: listener.localAddress)
        try await listener.accept().close()
        let overTCP = await failures(of: client)
        for error in [overTCP.reading, overTCP.writing] {
            #expect(error?.remoteAddress == listener.localAddress)
        }
    }

    // MARK: Messages of a stream that is not a connection

    @Test("a line that is too long is skipped, and a read of bytes returns its rest")
    func longLine() async throws {
        let (one, other) = try MemoryStream.pair()
        one.lineLimit = 3
        try await other.write("12345\nab\n123456")
        let error = await #expect(throws: SocketError.self) { try await one.readLine() }
        #expect(error?.cause == .lineTooLong(limit: 3))
        #expect(try await one.readLine() == "ab")
        let second = await #expect(throws: SocketError.self) { try await one.readLine() }
        #expect(second?.cause == .lineTooLong(limit: 3))
        try await other.write("rest\nnext\n")
        #expect(try await one.read() == Array("rest\nnext\n".utf8))
    }

    @Test("a stream that ends inside a message throws `endOfStream` with the partial bytes")
    func endsInside() async throws {
        let (one, other) = try MemoryStream.pair()
        try await other.write("3ab")
        other.close()
        let error = await #expect(throws: SocketError.self) {
            try await one.read(parsing: countedText)
        }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == Array("3ab".utf8))
        #expect(try await one.readExactly(0) == [])
        #expect(try await one.readLine() == nil)
    }

    @Test("a timeout inside a message consumes nothing")
    func timeout() async throws {
        let (one, other) = try MemoryStream.pair()
        try await other.write("3ab")
        for _ in 1...2 {
            let error = await #expect(throws: SocketError.self) {
                try await one.readExactly(4, timeout: .milliseconds(1))
            }
            #expect(error?.isTimeout == true)
        }
        try await other.write("c")
        #expect(try await one.readExactly(4) == Array("3abc".utf8))
    }

    @Test("a parser that asks for more than the limit gets `tooLarge`")
    func tooLarge() async throws {
        let (one, other) = try MemoryStream.pair()
        try await other.write("9abc")
        let error = await #expect(throws: SocketError.self) {
            try await one.read(limit: 4, parsing: countedText)
        }
        #expect(error?.cause == .tooLarge(limit: 4))
    }
}
