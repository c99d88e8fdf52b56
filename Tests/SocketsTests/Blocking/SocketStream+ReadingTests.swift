import Testing

@testable import Sockets

@Suite("Reading from a stream", .ownThread)
struct SocketStreamReadingTests {
    private let peer: Socket
    private let stream: SocketStream

    init() throws {
        let (one, other) = try Socket.pair()
        peer = one
        stream = SocketStream(other, bufferSize: 16, lineLimit: 64)
    }

    @Test("a read returns what has come, at most what was asked for")
    func read() throws {
        try peer.sendAll("hello")
        #expect(try stream.read(atMost: 2) == Array("he".utf8))
        #expect(try stream.read() == Array("llo".utf8))
        #expect(try stream.read(atMost: 0).isEmpty)
        peer.close()
        #expect(try stream.read().isEmpty)
        #expect(try stream.read().isEmpty)
    }

    @Test("exactly so many bytes are read, however they arrive and whatever the buffer's size")
    func readExactly() throws {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        let peer = peer
        let sending = Background { for byte in bytes { try peer.sendAll([byte]) } }
        #expect(try stream.readExactly(9_999) == Array(bytes.dropLast()))
        #expect(try stream.readExactly(0).isEmpty)
        #expect(try stream.readExactly(-1).isEmpty)
        #expect(try stream.readExactly(1) == [bytes[9_999]])
        try sending.value()
    }

    @Test("if the stream ends too early, the error keeps what had come")
    func readExactlyAtEnd() throws {
        try peer.sendAll("abc")
        peer.close()
        let error = #expect(throws: SocketError.self) { try stream.readExactly(10) }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == Array("abc".utf8))
        #expect(
            error?.description
                == "cannot read: unexpected end of stream (3 bytes were received)")
        #expect(try stream.read().isEmpty)
    }

    @Test("a part is read up to and with its last byte")
    func readUntil() throws {
        try peer.sendAll("key=value;rest")
        #expect(try stream.readUntil(UInt8(ascii: "=")) == Array("key=".utf8))
        #expect(try stream.readUntil(UInt8(ascii: ";")) == Array("value;".utf8))
        peer.close()
        #expect(try stream.readUntil(UInt8(ascii: ";")) == Array("rest".utf8))
        #expect(try stream.readUntil(UInt8(ascii: ";")) == nil)
    }

    @Test("a part that is too long is an error, and its bytes are still there")
    func readUntilLimit() throws {
        try peer.sendAll("0123456789;")
        let error = #expect(throws: SocketError.self) {
            try stream.readUntil(UInt8(ascii: ";"), limit: 10)
        }
        #expect(error?.cause == .tooLarge(limit: 10))
        #expect(try stream.readUntil(UInt8(ascii: ";"), limit: 11) == Array("0123456789;".utf8))
    }

    @Test("reading to the end returns everything, also what is in the buffer already")
    func readToEnd() throws {
        try peer.sendAll("first line\n")
        #expect(try stream.readLine() == "first line")
        let peer = peer
        let sending = Background {
            try peer.sendAll([UInt8](repeating: 7, count: 1 << 20))
            peer.close()
        }
        #expect(try stream.readToEnd() == [UInt8](repeating: 7, count: 1 << 20))
        #expect(try stream.readToEnd().isEmpty)
        try sending.value()
    }

    @Test("more than the limit is an error, exactly the limit is not, and nothing is lost")
    func readToEndLimit() throws {
        try peer.sendAll("0123456789")
        peer.close()
        let error = #expect(throws: SocketError.self) { try stream.readToEnd(limit: 9) }
        #expect(error?.cause == .tooLarge(limit: 9))
        #expect(error?.description == "cannot read: the data is longer than 9 bytes")
        #expect(try stream.readToEnd(limit: 10) == Array("0123456789".utf8))
    }

    @Test("a time-out loses nothing: the next read, of whatever kind, goes on with what had come")
    func timeoutLosesNothing() throws {
        let limit = TimeLimit.milliseconds(10)
        try peer.sendAll("ab")
        for attempt in [
            { _ = try stream.readExactly(5, timeout: limit) },
            { _ = try stream.readLine(timeout: limit) },
            { _ = try stream.readUntil(0x3B, timeout: limit) },
            { _ = try stream.readToEnd(timeout: limit) },
            { _ = try stream.withLine(timeout: limit) { _ in } },
        ] as [() throws -> Void] {
            let error = #expect(throws: SocketError.self) { try attempt() }
            #expect(error?.cause == .timedOut(limit: .milliseconds(10)))
        }
        try peer.sendAll("c\nd")
        #expect(try stream.readLine(timeout: limit) == "abc")
        #expect(try stream.read() == Array("d".utf8))
    }

    @Test("a limit covers the whole operation, not each of its system calls")
    func limitCoversAll() throws {
        let peer = peer
        let stop = Socket.closedFlag()
        let dripping = Background {
            // A byte every few milliseconds, for as long as the reader lives.
            while !stop.isClosed {
                try peer.send("x")
                _ = try? stop.receive(timeout: .milliseconds(5))
            }
        }
        let start = ContinuousClock.now
        let error = #expect(throws: SocketError.self) {
            try stream.readExactly(1_000_000, timeout: .milliseconds(100))
        }
        let took = start.duration(to: .now)
        stop.close()
        try dripping.value()
        #expect(error?.isTimeout == true)
        #expect(took >= .milliseconds(100))
        #expect(took < .seconds(2))
    }

    @Test("what was written is flushed before a read waits, so that a question gets its answer")
    func readFlushes() throws {
        let peer = peer
        let answering = Background {
            let question = try peer.receive()
            try peer.sendAll(question + [0x0A])
        }
        try stream.write("question")
        #expect(try stream.readLine(timeout: .seconds(10)) == "question")
        try answering.value()
    }

    @Test("a closed socket ends a read with .closed")
    func closed() throws {
        stream.socket.close()
        let error = #expect(throws: SocketError.self) { try stream.read() }
        #expect(error?.description == "cannot read: the socket is closed")
    }
}

extension Socket {
    /// A socket that is good for nothing but to be closed, and to be waited for.
    fileprivate static func closedFlag() -> Socket {
        guard let socket = try? Socket(.ipv4, .datagram) else { preconditionFailure() }
        return socket
    }
}
