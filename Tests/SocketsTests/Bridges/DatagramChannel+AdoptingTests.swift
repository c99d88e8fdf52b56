import SystemPackage
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

    @Test(
        "a datagram that arrived before the adoption is answered from its destination address",
        arguments: [AddressFamily.ipv4, .ipv6])
    func earlyDatagram(family: AddressFamily) async throws {
        let descriptor = try System.socket(family, .datagram)
        let wildcard: IPAddress = family == .ipv4 ? .v4(.any) : .v6(.any)
        try System.bind(descriptor, SocketAddress(wildcard, port: 0).raw(for: family))
        let port = try #require(SocketAddress(System.getsockname(descriptor)).port)
        let used = SocketAddress.ipv4(IPv4Address(127, 0, 0, 2), port: port)
        let client = try Socket(to: used, type: .datagram)
        try client.send("early")
        let socket = try Socket(adopting: FileDescriptor(rawValue: descriptor))
        let channel = try DatagramChannel(adopting: socket)
        let datagram = try await channel.receive(timeout: .seconds(5))
        #expect(datagram.localAddress == used)
        #expect(try await channel.reply(to: datagram, with: "answer"))
        #expect(try client.receive(timeout: .seconds(5)) == Array("answer".utf8))
    }
}
