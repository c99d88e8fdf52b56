import Testing

@testable import Sockets

@Suite("Connection: writing")
struct ConnectionWritingTests {
    @Test("several pieces arrive in order, and text as UTF-8")
    func parts() async throws {
        let (here, there) = try Connection.pair()
        try await here.write(parts: [[1], [], [2, 3]])
        try await here.write("é")
        here.close()
        #expect(try await there.readToEnd() == [1, 2, 3, 0xC3, 0xA9])
    }

    @Test("a write that ends part-way counts its bytes, and further ones are refused until resumed")
    func incomplete() async throws {
        let (here, there) = try Connection.pair()
        let error = await #expect(throws: SocketError.self) {
            try await here.write(pattern(8 << 20), timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        let sent = try #require(error?.bytesMoved)
        #expect(sent > 0)
        let refused = await #expect(throws: SocketError.self) { try await here.write("x") }
        #expect(refused?.cause == .incompleteWrite)
        #expect(try await there.readExactly(sent) == pattern(sent))
        try here.resumeWriting()
        try await here.write("x")
        #expect(try await there.read() == [0x78])
    }
}
