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

    @Test(
        "adopting a connection that the client has reset reads the request and then the reset",
        arguments: [true, false])
    func resetClient(byDescriptor: Bool) async throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let client = try Socket(to: listener.localAddress)
        try client.sendAll("request")
        try client.setOption(.linger, to: .zero)
        client.close()
        var server = try listener.accept(timeout: .seconds(10))
        while System.condition(server.descriptor)?.contains(.hungUp) != true {}
        // The kernel no longer reports the address of the peer.
        if byDescriptor { server = try Socket(adopting: server.release()) }
        let connection = try Connection(adopting: server)
        #expect(connection.localAddress == listener.localAddress)
        #expect(try await connection.read() == Array("request".utf8))
        for _ in 0..<2 {
            let error = await #expect(throws: SocketError.self) { try await connection.read() }
            #expect(error?.errno == .connectionReset)
        }
    }

    @Test("adopting a bound socket that was never connected throws an error that names its address")
    func unconnected() throws {
        let socket = try Socket(.ipv4)
        try socket.bind(on: Loopback.ipv4)
        let address = socket.localAddress
        let error = #expect(throws: SocketError.self) { try Connection(adopting: socket) }
        #expect(
            error?.description
                == "cannot adopt the socket on \(address): transport endpoint is not connected")
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
