import SystemPackage
import Testing

@testable import Sockets

@Suite("SocketStream: reading", .ownThread)
struct SocketStreamReadingTests {
    private let peer: Socket
    private let stream: SocketStream

    init() throws {
        let (one, other) = try Socket.pair()
        peer = one
        stream = SocketStream(other, bufferSize: 16, lineLimit: 64)
    }

    /// Returns a stream whose peer has sent `text` and closed with unread bytes or after its end.
    private func abandoned(
        _ text: String, overTCP: Bool, byReset: Bool
    ) throws -> SocketStream {
        let (here, there) = try Loopback.streamPair(overTCP: overTCP)
        try there.sendAll(text)
        if !byReset { try there.shutdown(.write) }
        try there.setOption(.linger, to: .zero)
        there.close()
        while System.condition(here.descriptor)?.contains(.hungUp) != true {}
        return SocketStream(here)
    }

    @Test(
        "a read returns what the peer sent before closing, even if the request cannot be flushed",
        arguments: [true, false], [true, false])
    func lastReply(overTCP: Bool, byReset: Bool) throws {
        typealias Read = (SocketStream) throws -> [UInt8]?
        let reads: [Read] = [
            { try $0.readLine().map { Array("\($0)\n".utf8) } },
            { try $0.withLine { $0.withUnsafeBytes { Array($0) + [0x0A] } } },
            { try $0.readUntil(0x0A) },
            { try $0.read() },
            { try $0.readExactly(14) },
        ]
        for read in reads {
            let stream = try abandoned("421 full, bye\n", overTCP: overTCP, byReset: byReset)
            try stream.write("HELO\r\n")
            #expect(try read(stream) == Array("421 full, bye\n".utf8))
            // The error comes when nothing more can be read, and it stays.
            for _ in 0..<2 {
                let error = #expect(throws: SocketError.self) { try read(stream) }
                let expected: Errno = overTCP && byReset ? .connectionReset : .brokenPipe
                #expect(error?.errno == expected)
            }
        }
    }

    @Test("readToEnd throws and keeps the bytes if the peer closed before the request was flushed")
    func lastReplyToEnd() throws {
        let stream = try abandoned("bye", overTCP: true, byReset: false)
        try stream.write("HELO\r\n")
        let error = #expect(throws: SocketError.self) { try stream.readToEnd() }
        #expect(error?.errno == .brokenPipe)
        #expect(error?.operation == .write)
        #expect(try stream.read() == Array("bye".utf8))
    }

    @Test("a read returns received bytes even if written bytes cannot be flushed to a full peer")
    func flushWithoutRoom() throws {
        let (here, there) = try Loopback.tcpPair()
        _ = try Loopback.fill(here)
        let stream = SocketStream(here)
        try stream.write("stuck")
        let early = #expect(throws: SocketError.self) {
            try stream.readLine(timeout: .milliseconds(20))
        }
        #expect(early?.isTimeout == true)
        try there.sendAll("one\ntwo\n")
        #expect(try stream.readLine(timeout: .seconds(10)) == "one")
        #expect(try stream.readLine(timeout: .seconds(10)) == "two")
    }

    @Test("a read after shutdown(.write) throws at once if the buffer has unflushed bytes")
    func halfClosedHere() throws {
        try stream.write("too late")
        try stream.socket.shutdown(.write)
        let error = #expect(throws: SocketError.self) { try stream.readLine() }
        #expect(error?.errno == .brokenPipe)
        try peer.sendAll("hello\n")
        #expect(try stream.readLine() == "hello")
    }

    @Test("read returns the available bytes up to the count")
    func read() throws {
        try peer.sendAll("hello")
        #expect(try stream.read(atMost: 2) == Array("he".utf8))
        #expect(try stream.read() == Array("llo".utf8))
        #expect(try stream.read(atMost: 0).isEmpty)
        peer.close()
        #expect(try stream.read().isEmpty)
        #expect(try stream.read().isEmpty)
    }

    @Test("readExactly returns the requested count, even if the bytes arrive one by one")
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

    @Test("readExactly throws `endOfStream` with the partial bytes if the stream ends early")
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

    @Test("readUntil returns the bytes up to and including the delimiter")
    func readUntil() throws {
        try peer.sendAll("key=value;rest")
        #expect(try stream.readUntil(UInt8(ascii: "=")) == Array("key=".utf8))
        #expect(try stream.readUntil(UInt8(ascii: ";")) == Array("value;".utf8))
        peer.close()
        #expect(try stream.readUntil(UInt8(ascii: ";")) == Array("rest".utf8))
        #expect(try stream.readUntil(UInt8(ascii: ";")) == nil)
    }

    @Test("readUntil throws `tooLarge` beyond its limit and keeps the bytes readable")
    func readUntilLimit() throws {
        try peer.sendAll("0123456789;")
        let error = #expect(throws: SocketError.self) {
            try stream.readUntil(UInt8(ascii: ";"), limit: 10)
        }
        #expect(error?.cause == .tooLarge(limit: 10))
        #expect(try stream.readUntil(UInt8(ascii: ";"), limit: 11) == Array("0123456789;".utf8))
    }

    @Test("readToEnd returns all bytes up to the end of the stream")
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

    @Test("readToEnd throws `tooLarge` only beyond its limit and keeps the bytes readable")
    func readToEndLimit() throws {
        try peer.sendAll("0123456789")
        peer.close()
        let error = #expect(throws: SocketError.self) { try stream.readToEnd(limit: 9) }
        #expect(error?.cause == .tooLarge(limit: 9))
        #expect(error?.description == "cannot read: the data is longer than 9 bytes")
        #expect(try stream.readToEnd(limit: 10) == Array("0123456789".utf8))
    }

    @Test("readLine returns the bytes that earlier reads received before they timed out")
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

    @Test("a timeout covers the whole readExactly and not each system call")
    func limitCoversAll() throws {
        let peer = peer
        let stop = Socket.closedFlag()
        let dripping = Background {
            // Send a byte every few milliseconds until the reader has finished.
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

    @Test("a read that must wait flushes earlier writes first")
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

    @Test("read throws `closed` after the socket is closed")
    func closed() throws {
        stream.socket.close()
        let error = #expect(throws: SocketError.self) { try stream.read() }
        #expect(error?.description == "cannot read: the socket is closed")
    }
}

extension Socket {
    /// Returns a socket that serves as a flag, which is set when the socket is closed.
    fileprivate static func closedFlag() -> Socket {
        guard let socket = try? Socket(.ipv4, .datagram) else { preconditionFailure() }
        return socket
    }
}
