import Foundation
import Testing

@testable import Sockets

@Suite("NetworkInterface", .ownThread)
struct NetworkInterfaceTests {
    @Test("the loopback interface is found by its name and by its index")
    func loopback() throws {
        let interface = try #require(try NetworkInterface.named("lo"))
        #expect(try System.if_nametoindex("lo") == interface.index)
        #expect(try NetworkInterface.at(index: interface.index)?.name == "lo")
        #expect(interface.flags.contains(.loopback) && !interface.flags.contains(.pointToPoint))
        #expect(interface.hardwareAddress == [0, 0, 0, 0, 0, 0])
        let address = try #require(
            interface.addresses.first { $0.address == .v4(.loopback) })
        #expect(try address.prefix == IPPrefix(parsing: "127.0.0.0/8"))
        #expect(address.peer == nil)
    }

    @Test("a name or an index that no interface has returns nil")
    func missing() throws {
        for name in ["no-such-one", "", "lo\0", "LO", "lo:"] {
            #expect(try NetworkInterface.named(name) == nil, "\(name.debugDescription)")
        }
        #expect(try NetworkInterface.at(index: 0) == nil)
        #expect(try NetworkInterface.at(index: .max) == nil)
    }

    @Test(
        "an interface without addresses is listed",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func withoutAddresses() throws {
        let interface = try PrivateMachine.run(commands: ["ip link set lo mtu 60000"]) {
            try NetworkInterface.named("lo")
        }
        #expect(interface?.addresses == [])
        #expect(interface?.mtu == 60_000)
        #expect(interface?.flags.contains(.up) == false)
    }

    @Test(
        "an address with a label belongs to the interface whose name begins the label",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func labels() throws {
        let commands = [
            "ip link set lo up", "ip link add lo1 type bridge",
            "ip addr add 192.0.2.1/32 dev lo label lo:vip",
            "ip addr add 192.0.2.2/32 dev lo label loop",
            "ip addr add 192.0.2.3/32 dev lo1 label lo1:vip",
        ]
        let interfaces = try PrivateMachine.run(commands: commands) { try NetworkInterface.all }
        let addresses = ["lo", "lo1"].map { name in
            interfaces.filter { $0.name == name }.flatMap(\.addresses).map(\.address).sorted()
                .map(\.description)
        }
        #expect(addresses == [["127.0.0.1", "192.0.2.1", "192.0.2.2", "::1"], ["192.0.2.3"]])
    }

    @Test(
        "each of many addresses has its network, and a link-local address has its zone",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func manyAddresses() throws {
        let commands = [
            "ip link add a0 type bridge", "ip -6 addr add fe80::aa/64 dev a0 nodad",
            "ip addr add 10.7.1.2/16 brd + dev a0",
            """
            for a in 1 2 3; do for b in $(seq 200); do echo addr add 10.8.$a.$b/24 dev a0; done; done \
            | ip -batch -
            """,
        ]
        let interface = try #require(
            try PrivateMachine.run(commands: commands) { try NetworkInterface.named("a0") })
        #expect(interface.flags.contains([.broadcast, .multicast]))
        #expect(interface.hardwareAddress.count == 6 && interface.mtu == 1500)
        let texts = interface.addresses.map { "\($0.address) in \($0.prefix)" }
        var expected = ["10.7.1.2 in 10.7.0.0/16"]
        for network in 1...3 {
            expected += (1...200).map { "10.8.\(network).\($0) in 10.8.\(network).0/24" }
        }
        expected.append("fe80::aa%a0 in fe80::/64")
        // The kernel lists the first address of each network before the other addresses.
        #expect(texts.sorted() == expected.sorted())
        #expect(interface.addresses.allSatisfy { $0.peer == nil })
    }

    @Test(
        "an interface without a hardware address is listed, with the peers of its addresses",
        .enabled(
            if: PrivateMachine.isAvailable
                && FileManager.default.fileExists(atPath: "/dev/net/tun"), "needs root and tun"))
    func pointToPoint() throws {
        let commands = [
            "ip tuntap add dev t0 mode tun", "ip link set t0 mtu 1400",
            "ip addr add 10.8.0.1 peer 10.9.0.2/30 dev t0", "ip addr add 10.7.0.1/24 dev t0",
            "ip -6 addr add fd00::1 peer fd01::2/64 dev t0 nodad",
        ]
        let (interface, index) = try PrivateMachine.run(commands: commands) {
            (try NetworkInterface.named("t0"), try System.if_nametoindex("t0"))
        }
        let tunnel = try #require(interface)
        #expect(tunnel.index == index && tunnel.mtu == 1400 && tunnel.hardwareAddress == [])
        #expect(tunnel.flags.contains(.pointToPoint))
        let texts = tunnel.addresses.map { address in
            "\(address.address) in \(address.prefix), \(address.peer?.description ?? "no peer")"
        }
        let expected = [
            "10.8.0.1 in 10.9.0.0/30, 10.9.0.2", "10.7.0.1 in 10.7.0.0/24, no peer",
            "fd00::1 in fd01::/64, fd01::2",
        ]
        #expect(texts == expected)
    }
}
