import Sockets
import Testing

@Suite("TCPForwarder", .ownThread)
struct TCPForwarderTests {
    /// A running forwarder, its server, and a client that is connected through it.
    private func forwarded() throws -> (program: Program, client: Socket, server: Socket) {
        let listener = try Socket.loopbackServer()
        let program = try Program("TCPForwarder", "0", "127.0.0.1", "\(listener.port)")
        let port = try program.port(after: "Listening on")
        let client = try Socket(to: .ipv4(.loopback, port: port))
        return (program, client, try listener.accept(timeout: testTimeout))
    }

    @Test("the forwarder forwards bytes and half-closes in both directions")
    func forwards() throws {
        let (program, client, server) = try forwarded()
        try client.sendAll("question")
        try client.shutdown(.write)
        #expect(try server.receiveToEnd() == "question")
        try server.sendAll("answer")
        server.close()
        #expect(try client.receiveToEnd() == "answer")
        #expect(
            try program.line()
                == "\(client.localAddress) ended: 8 bytes sent, 6 received")
    }

    @Test("the forwarder resets the client if the server resets its connection")
    func resets() throws {
        let (program, client, server) = try forwarded()
        try client.sendAll("x")
        #expect(try server.receive(timeout: testTimeout) == Array("x".utf8))
        server.abort()
        let error = #expect(throws: SocketError.self) { try client.receiveToEnd() }
        #expect(error?.errno == .connectionReset)
        #expect(
            try program.line()
                == "\(client.localAddress) failed: cannot read from \(server.localAddress):"
                + " connection reset by peer (1 byte was forwarded)")
    }

    @Test("the forwarder resets a client if the server refuses the connection")
    func refused() throws {
        let (holder, unserved) = try Socket.unservedPort()
        let program = try Program("TCPForwarder", "0", "127.0.0.1", "\(unserved)")
        let port = try program.port(after: "Listening on")
        let client = try Socket(to: .ipv4(.loopback, port: port))
        let error = #expect(throws: SocketError.self) { try client.receiveToEnd() }
        #expect(error?.errno == .connectionReset)
        #expect(
            try program.line()
                == "\(client.localAddress) failed: cannot connect to 127.0.0.1:\(unserved):"
                + " connection refused")
        holder.close()
    }
}
