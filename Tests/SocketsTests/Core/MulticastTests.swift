import Foundation
import Testing

@testable import Sockets

/// Multicast settings on a machine with two links.
@Suite("Multicast", .ownThread, .enabled(if: PrivateMachine.isAvailable, "needs root"))
struct MulticastTests {
    private static let twoLinks = [
        "ip link set lo up", "ip link add a0 type veth peer name a1",
        "ip link add b0 type veth peer name b1",
        "for link in a0 a1 b0 b1; do ip link set $link up; done",
        "ip addr add 192.0.2.1/24 dev a0; ip addr add 198.51.100.1/24 dev b0",
        "ip -6 addr add 2001:db8:a::1/64 dev a0 nodad; ip -6 addr add 2001:db8:b::1/64 dev b0 nodad",
        "ip route add 224.0.0.0/4 dev a0",
    ]

    /// Returns the bytes that left through a link of this thread's machine.
    private static func sentBytes(_ link: String) throws -> Int {
        let lines = try String(contentsOfFile: "/proc/thread-self/net/dev", encoding: .utf8)
            .split(separator: "\n")
        let line = try #require(lines.first { $0.contains(link + ":") })
        return try #require(Int(line.split(whereSeparator: { $0 == " " || $0 == ":" })[9]))
    }

    @Test(
        "the interface of a dual-stack socket applies to groups of both families",
        arguments: [SocketAddress("239.1.1.1:7000")!, SocketAddress("[ff15::1]:7000")!])
    func interface(group: SocketAddress) throws {
        let sent = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            let socket = try Socket(on: .udp(port: 0))
            let channel = try await DatagramChannel(on: .udp(port: 0), group: loops)
            try socket.setMulticastInterface("b0")
            try channel.setMulticastInterface("b0")
            let before = try Self.sentBytes("b0")
            let bytes = [UInt8](repeating: 0, count: 1_000)
            for _ in 0..<5 {
                try socket.send(bytes, to: group)
                try await channel.send(bytes, to: group)
            }
            return try Self.sentBytes("b0") - before
        }
        #expect(sent >= 10_000)
    }

    @Test("a socket receives only the groups that it has joined")
    func joinedGroups() throws {
        let texts = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            let options = ListenOptions(family: .ipv4, reusePort: true)
            let channel = try await DatagramChannel(
                on: .udp(port: 7001), group: loops, options: options)
            let other = try await DatagramChannel(
                on: .udp(port: 7001), group: loops, options: options)
            try channel.joinMulticastGroup(.v4(IPv4Address(239, 1, 1, 1)), interface: "a0")
            try other.joinMulticastGroup(.v4(IPv4Address(239, 2, 2, 2)), interface: "a0")
            let sender = try Socket(.ipv4, .datagram)
            try sender.setMulticastInterface("a0")
            try sender.send("other", to: .ipv4(IPv4Address(239, 2, 2, 2), port: 7001))
            try sender.send("own", to: .ipv4(IPv4Address(239, 1, 1, 1), port: 7001))
            return [
                try await channel.receive(timeout: .seconds(5)).text,
                try await other.receive(timeout: .seconds(5)).text,
            ]
        }
        #expect(texts == ["own", "other"])
    }

    @Test("reusePort shares a UDP port with a program that has both options")
    func sharedPort() throws {
        let first = try Socket(.ipv4, .datagram)
        try first.setOption(.reuseAddress, to: true)
        try first.bind(on: .ipv4(.any, port: 0))
        let port = try #require(first.localAddress.port)
        let second = try Socket(
            on: .ipv4(.any, port: port), type: .datagram, options: .init(reusePort: true))
        #expect(second.localAddress.port == port)
    }
}
