import Testing

@testable import Sockets

@Suite("Connection: framed reads", .ownThread)
struct ConnectionFramingTests {
    private let peer: Connection
    private let connection: Connection

    init() throws { (peer, connection) = try Connection.pair() }

    @Test("readExactly returns the requested count of bytes that arrive one by one")
    func exactly() async throws {
        let peer = peer
        let writing = Task { for byte in "abcdefg".utf8 { try await peer.write([byte]) } }
        #expect(try await connection.readExactly(5) == Array("abcde".utf8))
        #expect(try await connection.readExactly(0).isEmpty)
        #expect(try await connection.readExactly(2) == Array("fg".utf8))
        try await writing.value
    }

    @Test("readExactly returns 1,000,000 bytes, more than the receive buffer can hold")
    func large() async throws {
        let block = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        let peer = peer
        let writing = Task { try await peer.write(block) }
        #expect(try await connection.readExactly(block.count) == block)
        try await writing.value
    }

    @Test("readExactly throws `endOfStream` with the partial bytes if the stream ends early")
    func endsTooSoon() async throws {
        try await peer.write("abc")
        peer.close()
        let error = await #expect(throws: SocketError.self) {
            try await connection.readExactly(4)
        }
        #expect(error?.cause == .endOfStream)
        #expect(error?.partialBytes == Array("abc".utf8))
        #expect(try await connection.read().isEmpty)
    }

    @Test("a cancelled readExactly loses no bytes")
    func cancelled() async throws {
        try await peer.write("abc")
        let connection = connection
        let reading = Task { try await connection.readExactly(4) }
        while connection.source.reading.word.isReady { await Task.yield() }
        reading.cancel()
        let result = await reading.result
        guard case .failure(let error as SocketError) = result else {
            Issue.record("expected an error")
            return
        }
        #expect(error.cause == .cancelled)
        try await peer.write("d")
        #expect(try await connection.readExactly(4) == Array("abcd".utf8))
    }

    @Test("readUntil returns the delimited message, then the remaining bytes, then nil")
    func until() async throws {
        try await peer.write("one;two")
        peer.close()
        #expect(try await connection.readUntil(0x3b) == Array("one;".utf8))
        #expect(try await connection.readUntil(0x3b) == Array("two".utf8))
        #expect(try await connection.readUntil(0x3b) == nil)
    }

    @Test("readUntil throws `tooLarge` beyond its limit and keeps the bytes readable")
    func untilTooLarge() async throws {
        try await peer.write("abcdef;")
        let error = await #expect(throws: SocketError.self) {
            try await connection.readUntil(0x3b, limit: 6)
        }
        #expect(error?.cause == .tooLarge(limit: 6))
        #expect(try await connection.readUntil(0x3b, limit: 7) == Array("abcdef;".utf8))
    }

    @Test("readToEnd returns all bytes up to its limit and throws `tooLarge` beyond the limit")
    func toEnd() async throws {
        try await peer.write("abcdef")
        peer.close()
        let error = await #expect(throws: SocketError.self) {
            try await connection.readToEnd(limit: 5)
        }
        #expect(error?.cause == .tooLarge(limit: 5))
        #expect(try await connection.readToEnd(limit: 6) == Array("abcdef".utf8))
    }
}
