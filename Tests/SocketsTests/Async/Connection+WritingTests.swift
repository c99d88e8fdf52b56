import Testing

@testable import Sockets

@Suite("Connection: writing", .ownThread)
struct ConnectionWritingTests {
    private let peer: Socket
    private let connection: Connection

    init() throws {
        let (one, other) = try Socket.pair()
        peer = one
        connection = try Connection(adopting: other)
    }

    @Test("write sends arrays, strings and parts completely and in order")
    func kinds() async throws {
        try await connection.write([1, 2])
        try await connection.write("ä")
        try await connection.write(parts: [[3], [], [4, 5]])
        try await connection.write([])
        try await connection.write(parts: [])
        #expect(try peer.readAll(7) == [1, 2] + Array("ä".utf8) + [3, 4, 5])
    }

    @Test("a write larger than the kernel's buffers sends all bytes")
    func large() async throws {
        let bytes = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0) }
        let peer = peer
        let reading = Background { try peer.readAll(bytes.count) }
        try await connection.write(bytes, timeout: .seconds(20))
        #expect(try await reading.result() == bytes)
    }

    @Test("write(parts:) sends 500 parts completely and in order")
    func manyPieces() async throws {
        let parts = (0..<500).map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 4000) }
        let peer = peer
        let reading = Background { try peer.readAll(500 * 4000) }
        try await connection.write(parts: parts, timeout: .seconds(20))
        #expect(try await reading.result() == parts.flatMap { $0 })
    }

    @Test(
        "a partial write reports its length, and later writes throw until resumeWriting is called")
    func incomplete() async throws {
        let plenty = [UInt8](repeating: 1, count: 8 << 20)
        let error = try #require(
            await #expect(throws: SocketError.self) {
                try await connection.write(plenty, timeout: .milliseconds(20))
            })
        #expect(error.isTimeout)
        #expect((1..<plenty.count).contains(error.bytesTransferred))
        let refused = await #expect(throws: SocketError.self) { try await connection.write("x") }
        #expect(refused?.cause == .incompleteWrite)
        try connection.resumeWriting()
        let peer = peer
        let reading = Background { try peer.readAll(plenty.count) }
        try await connection.write(Array(plenty[error.bytesTransferred...]), timeout: .seconds(20))
        #expect(try await reading.result().count == plenty.count)
    }

    @Test("write throws `busy` while another write is in progress")
    func secondWriter() async throws {
        try connection.source.begin(.writing)
        let error = await #expect(throws: SocketError.self) { try await connection.write("x") }
        #expect(error?.cause == .busy)
        connection.source.end(.writing)
        try await connection.write("x")
        #expect(try peer.receive() == [0x78])
    }

    @Test("write throws EPIPE after the peer shuts down both directions")
    func brokenPipe() async throws {
        // Shut down instead of closing, because a program that another test starts may hold the
        // descriptor open for a moment.
        try peer.shutdown(.both)
        let error = await #expect(throws: SocketError.self) { try await connection.write("x") }
        #expect(error?.errno == .brokenPipe)
        #expect(error?.description == "cannot write: broken pipe")
    }
}
