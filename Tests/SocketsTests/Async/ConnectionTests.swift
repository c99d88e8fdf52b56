import Testing

@testable import Sockets

@Suite("Connection", .ownThread)
struct ConnectionTests {
    @Test("operations on a closed connection throw `closed`, and a second close has no effect")
    func closed() async throws {
        let (one, other) = try Connection.pair()
        one.close()
        one.close()
        #expect(one.isClosed)
        let read = await #expect(throws: SocketError.self) { try await one.read() }
        #expect(read?.cause == .closed)
        let write = await #expect(throws: SocketError.self) { try await one.write("x") }
        #expect(write?.cause == .closed)
        #expect(throws: SocketError.self) { try one.shutdown(.both) }
        #expect(try await other.read(timeout: .seconds(5)).isEmpty)
    }

    @Test("releasing the last reference to a connection closes the connection")
    func dropped() async throws {
        let other = try { try Connection.pair().1 }()
        #expect(try await other.read(timeout: .seconds(5)).isEmpty)
    }

    @Test("connection options are set and read, and an error names the option")
    func options() throws {
        let (one, _) = try Connection.pair()
        try one.setOption(.receiveBufferSize, to: 20_000)
        #expect(try one.option(.receiveBufferSize) == 40_000)
        let error = #expect(throws: SocketError.self) { try one.setOption(.noDelay, to: true) }
        #expect(error?.description == "cannot set option noDelay: operation not supported")
    }

    @Test("shutdown(.write) ends the peer's stream, and reading continues")
    func halfClose() async throws {
        let (one, other) = try Connection.pair()
        try one.shutdown(.write)
        #expect(try await other.read(timeout: .seconds(5)).isEmpty)
        try await other.write("still here")
        #expect(try await one.read(timeout: .seconds(5)) == Array("still here".utf8))
    }
}
