import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramChannel: options")
struct DatagramChannelOptionsTests {
    @Test("options can be set and read, and those that are not there are named")
    func options() throws {
        let channel = try DatagramChannelTests.onLoopback()
        try channel.setOption(.receiveBufferSize, to: 20_000)
        #expect(try channel.option(.receiveBufferSize) == 40_000)
        #expect(try channel.option(.broadcast) == false)
        let error = #expect(throws: SocketError.self) { try channel.setOption(.noDelay, to: true) }
        #expect(error?.description == "cannot set option noDelay: operation not supported")
    }

    @Test(
        "a group is joined and left, by a channel of its family and by one of both",
        arguments: [AddressFamily.ipv4, nil])
    func membership(family: AddressFamily?) async throws {
        let group = IPAddress.v4(IPv4Address(239, 255, 77, 79))
        let member = try await DatagramChannel(on: .udp(port: 0), family: family)
        let port = try #require(member.localAddress.port)
        try member.joinMulticastGroup(group, interface: "lo")
        let sender = try DatagramChannelTests.onLoopback()
        try sender.setMulticastInterface("lo")
        try await sender.send("to all", to: SocketAddress(group, port: port))
        #expect(try await member.receive(timeout: .seconds(30)).text == "to all")
        try member.leaveMulticastGroup(group, interface: "lo")
        let error = #expect(throws: SocketError.self) {
            try member.leaveMulticastGroup(group, interface: "lo")
        }
        #expect(error?.errno == .addressNotAvailable)
        #expect(error?.subject == "multicastGroup 239.255.77.79")
    }

    @Test(
        "what is sent to an IPv6 group arrives, and does not say which address of ours it reached")
    func membership6() async throws {
        let group = try #require(IPv6Address("ff02::7779%lo"))
        let member = try await DatagramChannel(on: .udp(port: 0), family: .ipv6)
        let port = try #require(member.localAddress.port)
        try member.joinMulticastGroup(.v6(group))
        let sender = try DatagramChannel(on: .ipv6(.loopback, port: 0))
        try sender.setMulticastInterface("lo")
        try await sender.send("to all", to: .ipv6(group, port: port))
        let datagram = try await member.receive(timeout: .seconds(30))
        #expect(datagram.text == "to all")
        #expect(datagram.localAddress == nil)
        try await member.reply(to: datagram, with: "from one")
        #expect(try await sender.receive(timeout: .seconds(30)).text == "from one")
        try member.leaveMulticastGroup(.v6(group))
    }

    @Test("a closed channel says what could not be changed")
    func closed() throws {
        let channel = try DatagramChannelTests.onLoopback()
        channel.close()
        let error = #expect(throws: SocketError.self) { try channel.setMulticastInterface("lo") }
        #expect(
            error?.description == "cannot set option multicastInterface lo: the socket is closed")
    }
}
