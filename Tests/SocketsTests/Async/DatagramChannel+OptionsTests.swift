import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramChannel: options", .ownThread)
struct DatagramChannelOptionsTests {
    @Test("channel options are set and read, and an error names the option")
    func options() throws {
        let channel = try DatagramChannelTests.onLoopback()
        try channel.setOption(.receiveBufferSize, to: 20_000)
        #expect(try channel.option(.receiveBufferSize) == 40_000)
        #expect(try channel.option(.broadcast) == false)
        let error = #expect(throws: SocketError.self) { try channel.setOption(.noDelay, to: true) }
        #expect(error?.description == "cannot set option noDelay: protocol not available")
    }

    @Test(
        "an IPv4 or dual-stack channel joins a multicast group, receives a datagram and leaves",
        arguments: [AddressFamily.ipv4, nil])
    func membership(family: AddressFamily?) async throws {
        let group = IPAddress.v4(IPv4Address(239, 255, 77, 79))
        let member = try await DatagramChannel(on: .udp(port: 0), options: .init(family: family))
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

    @Test("a channel joins and leaves an IPv6 group, and a join error names the group")
    func membership6() async throws {
        let group = IPAddress.v6(try #require(IPv6Address("ff02::7779")))
        let member = try await DatagramChannel(on: .udp(port: 0), options: .init(family: .ipv6))
        try member.joinMulticastGroup(group, interface: "lo")
        try member.leaveMulticastGroup(group, interface: "lo")
        let error = #expect(throws: SocketError.self) {
            try member.joinMulticastGroup(group, interface: "nosuch0")
        }
        #expect(error?.errno == .operationNotSupportedByDevice)
        #expect(error?.subject == "multicastGroup ff02::7779")
    }

    @Test("setting an option on a closed channel throws an error that names the option")
    func closed() throws {
        let channel = try DatagramChannelTests.onLoopback()
        channel.close()
        let error = #expect(throws: SocketError.self) { try channel.setMulticastInterface("lo") }
        #expect(
            error?.description == "cannot set option multicastInterface lo: the socket is closed")
    }
}
