import Testing

@testable import Sockets

@Suite("Connection(adopting:)", .ownThread)
struct ConnectionAdoptingTests {
    @Test("adopting a connected socket keeps the addresses and closes the original socket")
    func adopting() async throws {
        let (client, server) = try Loopback.tcpPair()
        let (local, remote) = (client.localAddress, client.remoteAddress)
        let connection = try Connection(adopting: client)
        #expect(client.isClosed)
        #expect(connection.localAddress == local)
        #expect(connection.remoteAddress == remote)
        try server.sendAll("hello")
        #expect(try await connection.read(timeout: .seconds(5)) == Array("hello".utf8))
    }

    @Test("adopting a datagram socket or an unconnected socket as a Connection throws")
    func refused() throws {
        let (datagrams, _) = try Socket.pair(.datagram)
        let kind = #expect(throws: SocketError.self) { try Connection(adopting: datagrams) }
        #expect(
            kind?.description
                == "cannot adopt: the socket's type is datagram: expected a stream socket")
        let alone = #expect(throws: SocketError.self) {
            try Connection(adopting: try Socket(.ipv4))
        }
        #expect(alone?.errno == .socketNotConnected)
    }
}
