import Testing

@testable import Sockets

@Suite("Connection")
struct ConnectionTests {
    @Test("only connected streams can be adopted")
    func adopts() throws {
        #expect(throws: SocketError.self) { try Connection(adopting: Socket(.ipv4, .datagram)) }
        let error = #expect(throws: SocketError.self) { try Connection(adopting: Socket(.ipv4)) }
        #expect(error?.errno == .socketNotConnected)
    }

    @Test("a half that is shut down is the end of the stream for the peer alone")
    func shutsDown() async throws {
        let (here, there) = try Connection.pair()
        try here.shutdown(.writing)
        #expect(try await there.read().isEmpty)
        try await there.write("x")
        #expect(try await here.read() == [0x78])
    }

    @Test("a connection that was closed says so, however often")
    func closes() async throws {
        let (here, there) = try Connection.pair()
        here.close()
        here.close()
        #expect(here.isClosed)
        let error = await #expect(throws: SocketError.self) { try await here.write("x") }
        #expect(error?.cause == .closed)
        #expect(try await there.read().isEmpty)
    }
}
