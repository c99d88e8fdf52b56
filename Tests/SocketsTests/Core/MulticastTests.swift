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

    /// A dual-stack socket of one half of the library.
    private struct DualStackSocket {
        let name: String
        let options: any MulticastSocket
        let port: UInt16
        let send: (String, SocketAddress) async throws -> Void
        let receive: () async throws -> String

        /// Returns a blocking socket and a channel.
        static func both(on loops: LoopGroup) async throws -> [DualStackSocket] {
            let socket = try Socket(on: .udp(port: 0))
            let channel = try await DatagramChannel(on: .udp(port: 0), group: loops)
            return [
                DualStackSocket(
                    name: "Socket", options: socket, port: try #require(socket.localAddress.port),
                    send: { _ = try socket.send($0, to: $1) },
                    receive: { try socket.receiveFrom(timeout: .seconds(5)).text }),
                DualStackSocket(
                    name: "DatagramChannel", options: channel,
                    port: try #require(channel.localAddress.port),
                    send: { _ = try await channel.send($0, to: $1) },
                    receive: { try await channel.receive(timeout: .seconds(5)).text }),
            ]
        }
    }

    private static let groups = [
        IPAddress.v4(IPv4Address(239, 1, 1, 1)), IPAddress.v6(IPv6Address("ff15::1")!),
    ]

    @Test("the interface and the hop limit of a dual-stack socket apply to groups of both families")
    func interfaceAndHopLimit() throws {
        let packets = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            let taps = [("a0", try LinkTap("a0")), ("b0", try LinkTap("b0"))]
            var packets: [String] = []
            for socket in try await DualStackSocket.both(on: loops) {
                for (link, hops) in [("a0", 5), ("b0", 9), ("b0", 1)] {
                    try socket.options.setMulticastInterface(link)
                    try socket.options.setOption(.multicastTimeToLive, to: hops)
                    for group in Self.groups {
                        try await socket.send("on a link", SocketAddress(group, port: 7000))
                        let found = taps.flatMap { name, tap in
                            tap.hopLimits(ofPayload: "on a link").map { "\(name) \($0)" }
                        }
                        packets.append("\(socket.name) \(group): \(found)")
                    }
                }
            }
            return packets
        }
        let expected = ["Socket", "DatagramChannel"].flatMap { name in
            ["a0 5", "b0 9", "b0 1"].flatMap { packet in
                Self.groups.map { "\(name) \($0): \([packet])" }
            }
        }
        #expect(packets == expected)
    }

    @Test("the loop option of a dual-stack socket applies to groups of both families")
    func loop() throws {
        let received = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            let tap = try LinkTap("b0")
            var received: [String] = []
            for sender in try await DualStackSocket.both(on: loops) {
                for member in try await DualStackSocket.both(on: loops) {
                    try sender.options.setMulticastInterface("b0")
                    for group in Self.groups {
                        let target = SocketAddress(group, port: member.port)
                        try member.options.joinMulticastGroup(group, interface: "b0")
                        try sender.options.setOption(.multicastLoop, to: false)
                        try await sender.send("not looped", target)
                        try sender.options.setOption(.multicastLoop, to: true)
                        try await sender.send("looped", target)
                        received.append(try await member.receive())
                        // Both left through the link.
                        received.append("\(tap.hopLimits(ofPayload: "looped").count)")
                    }
                }
            }
            return received
        }
        #expect(received == (0..<8).flatMap { _ in ["looped", "2"] })
    }

    @Test("a dual-stack socket joins and leaves groups of both families on one of two links")
    func membership() throws {
        let received = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            var received: [String] = []
            let sender = try await DualStackSocket.both(on: loops)[0]
            for member in try await DualStackSocket.both(on: loops) {
                for group in Self.groups {
                    let target = SocketAddress(group, port: member.port)
                    for (own, other) in [("a0", "b0"), ("b0", "a0")] {
                        try member.options.joinMulticastGroup(group, interface: own)
                        for link in [other, own] {
                            try sender.options.setMulticastInterface(link)
                            try await sender.send("\(group) on \(link)", target)
                        }
                        received.append(try await member.receive())
                        try member.options.leaveMulticastGroup(group, interface: own)
                    }
                }
            }
            return received
        }
        let expected = Self.groups.flatMap { group in ["a0", "b0"].map { "\(group) on \($0)" } }
        #expect(received == expected + expected)
    }

    @Test("the hop limit of a dual-stack socket applies to addresses of both families")
    func unicastHopLimit() throws {
        let neighbors = [
            "ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:01 dev b0",
            "ip neigh add 2001:db8:b::2 lladdr 02:00:00:00:00:01 dev b0",
        ]
        let limits = try PrivateMachine.runTask(commands: Self.twoLinks + neighbors) { loops in
            let tap = try LinkTap("b0")
            var limits: [[UInt8]] = []
            for socket in try await DualStackSocket.both(on: loops) {
                try socket.options.setOption(.timeToLive, to: 33)
                for target in ["198.51.100.2:9", "[2001:db8:b::2]:9"] {
                    try await socket.send("to a neighbor", try #require(SocketAddress(target)))
                    limits.append(tap.hopLimits(ofPayload: "to a neighbor"))
                }
            }
            return limits
        }
        #expect(limits == [[33], [33], [33], [33]])
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

    @Test("a socket bound with bind(on:) receives only the groups that it has joined")
    func boundByHand() throws {
        let texts = try PrivateMachine.run(commands: Self.twoLinks) {
            let group = IPv4Address(239, 1, 1, 1)
            let member = try Socket(.ipv4, .datagram)
            let sockets = [try Socket(.ipv4, .datagram), try Socket(.ipv6, .datagram)]
            for socket in [member] + sockets {
                try socket.setOption(.reuseAddress, to: true)
                try socket.bind(
                    on: SocketAddress(socket.family == .ipv4 ? .v4(.any) : .v6(.any), port: 7002))
            }
            try member.joinMulticastGroup(.v4(group), interface: "a0")
            let sender = try Socket(.ipv4, .datagram)
            try sender.setMulticastInterface("a0")
            try sender.send("group", to: .ipv4(group, port: 7002))
            var texts = [try member.receiveFrom(timeout: .seconds(5)).text]
            for socket in sockets {
                do {
                    texts.append(try socket.receiveFrom(timeout: .milliseconds(20)).text)
                } catch let error as SocketError {
                    texts.append("\(error.cause)")
                }
            }
            return texts
        }
        let timeout = "\(SocketError.Cause.timedOut(limit: .milliseconds(20)))"
        #expect(texts == ["group", timeout, timeout])
    }

    @Test("reusePort shares a UDP port with a program that sets only reuseAddress")
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
