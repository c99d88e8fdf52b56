import Testing

@testable import Sockets

@Suite("DatagramChannel(adopting:)", .ownThread)
struct DatagramChannelAdoptingTests {
    @Test("an adopted socket of a pair is connected and sends a datagram to the other socket")
    func pair() async throws {
        let (one, other) = try Socket.pair(.datagram)
        let channels = try (DatagramChannel(adopting: one), DatagramChannel(adopting: other))
        #expect(channels.0.isConnected)
        try await channels.0.send("hello")
        let datagram = try await channels.1.receive()
        #expect(datagram.text == "hello")
        #expect(datagram.localAddress == nil)
        #expect(one.isClosed)
    }

    @Test(
        "adopting an unbound datagram socket binds a port", arguments: [AddressFamily.ipv4, .ipv6])
    func unbound(family: AddressFamily) async throws {
        let channel = try DatagramChannel(adopting: Socket(family, .datagram))
        #expect(channel.localAddress.port != 0)
        #expect(!channel.isConnected)
        #expect(channel.remoteAddress == .unnamed)
    }

    @Test("adopting a stream socket throws and leaves the socket open")
    func stream() throws {
        let (one, _) = try Socket.pair()
        let error = #expect(throws: SocketError.self) { try DatagramChannel(adopting: one) }
        #expect(
            error?.description
                == "cannot adopt: the socket's type is stream: expected a datagram socket")
        #expect(!one.isClosed)
    }
}
