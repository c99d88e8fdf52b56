import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramChannel: options", .ownThread)
struct DatagramChannelOptionsTests {
    @Test("options can be set and read, and those that are not there are named")
    func options() throws {
        let channel = try DatagramChannelTests.onLoopback()
        try channel.setOption(.receiveBufferSize, to: 20_000)
        #expect(try channel.option(.receiveBufferSize) == 40_000)
        #expect(try channel.option(.broadcast) == false)
        let error = #expect(throws: SocketError.self) { try channel.setOption(.noDelay, to: true) }
        #expect(error?.description == "cannot set option noDelay: protocol not available")
    }

    @Test(
        "a group is joined and left, by a channel of its family and by one of both",
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

    @Test("an IPv6 group is joined and left, and an unknown interface is named")
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

    @Test("a closed channel says what could not be changed")
    func closed() throws {
        let channel = try DatagramChannelTests.onLoopback()
        channel.close()
        let error = #expect(throws: SocketError.self) { try channel.setMulticastInterface("lo") }
        #expect(
            error?.description == "cannot set option multicastInterface lo: the socket is closed")
    }
}
