import Testing

@testable import Sockets

@Suite("NetworkInterface", .ownThread)
struct NetworkInterfaceTests {
    @Test("the loopback interface has its index, flags, MTU and addresses")
    func loopback() throws {
        let interface = try #require(try NetworkInterface.named("lo"))
        #expect(try System.if_nametoindex("lo") == interface.index)
        #expect(interface.flags.contains(.loopback))
        let mtu = try System.contents(of: "/sys/class/net/lo/mtu", atMost: 32)
        #expect(String(decoding: mtu, as: UTF8.self) == "\(interface.mtu)\n")
        let prefix = try IPPrefix(parsing: "127.0.0.0/8")
        #expect(interface.addresses.contains { $0.prefix == prefix })
    }

    @Test("a name that no interface has returns nil")
    func missing() throws { #expect(try NetworkInterface.named("no-such-one") == nil) }
}
