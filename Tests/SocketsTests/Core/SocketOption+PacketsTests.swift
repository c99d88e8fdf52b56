import SystemPackage
import Testing

@testable import Sockets

@Suite(
    "SocketOption: packets", .ownThread, .enabled(if: PrivateMachine.isAvailable, "needs root"))
struct SocketOptionPacketsTests {
    private static let loopback = ["ip link set lo up", "ip link set lo mtu 9000"]
    private static let addresses = [IPAddress.v4(.loopback), .v6(.loopback)]

    /// Returns the traffic class and the flow label of the packet with this payload.
    private static func text(_ tap: LinkTap, _ payload: String) -> String {
        // A tap of the loopback interface sees each packet when it leaves and when it arrives.
        let packets = tap.classes(ofPayload: payload).map {
            "\($0.trafficClass) \($0.flowLabel.map { "\($0)" } ?? "none")"
        }
        return Set(packets).sorted().joined(separator: ", ")
    }

    @Test("datagrams leave with the traffic class and the flow label of the options")
    func datagramsOnTheLink() throws {
        let classes = try PrivateMachine.runTask(commands: Self.loopback) { group in
            let tap = try LinkTap("lo")
            let options = ConnectOptions(socketOptions: [
                .trafficClass(.expeditedForwarding, ecn: .capable0), .flowLabel(0x12345),
            ])
            var classes: [String] = []
            for ip in Self.addresses {
                let receiver = try Socket(on: SocketAddress(ip, port: 0), type: .datagram)
                let socket = try Socket(
                    to: receiver.localAddress, type: .datagram, options: options)
                try socket.send("blocking")
                classes.append(Self.text(tap, "blocking"))
                let channel = try DatagramChannel(
                    to: receiver.localAddress, group: group, options: options)
                try await channel.send("in a task")
                classes.append(Self.text(tap, "in a task"))
            }
            return classes
        }
        // 46 << 2 | 2, as RFC 3246 and RFC 3168 define them.
        #expect(classes == ["186 none", "186 none", "186 74565", "186 74565"])
    }

    @Test("a stream leaves with the traffic class and the flow label of the options")
    func streamsOnTheLink() throws {
        let classes = try PrivateMachine.runTask(commands: Self.loopback) { group in
            let tap = try LinkTap("lo")
            let options = ConnectOptions(socketOptions: [
                .trafficClass(.af41, ecn: .capable0), .flowLabel(0x7FFFF),
            ])
            let server = try Socket(on: .ipv6(.loopback, port: 0))
            let socket = try Socket(to: server.localAddress, options: options)
            try socket.send("blocking")
            var classes = [Self.text(tap, "blocking")]
            let connection = try await Connection(
                to: server.localAddress, group: group, options: options)
            try await connection.write("in a task")
            classes.append(Self.text(tap, "in a task"))
            for label in [try socket.option(.flowLabel), try connection.option(.flowLabel)] {
                classes.append("\(label ?? 0)")
            }
            return classes
        }
        // TCP determines the ECN bits itself, so only 34 << 2 remains.
        #expect(classes == ["136 524287", "136 524287", "524287", "524287"])
    }

    @Test("several sockets to different addresses may use the same flow label")
    func sharedLabel() throws {
        let labels = try PrivateMachine.run(
            commands: Self.loopback + ["ip -6 addr add 2001:db8::1/64 dev lo nodad"]
        ) {
            let server = try Socket(on: .ipv6(.any, port: 0))
            let port = try #require(server.localAddress.port)
            let options = ConnectOptions(socketOptions: [.flowLabel(7)])
            let clients = try ["::1", "2001:db8::1", "::1"].map { text in
                let ip = try #require(IPAddress(text))
                return try Socket(to: SocketAddress(ip, port: port), options: options)
            }
            return try clients.map { try $0.option(.flowLabel) }
        }
        #expect(labels == [7, 7, 7])
    }

    @Test("flowLabel is nil if no label was chosen, and cannot be set on an open socket")
    func noLabel() throws {
        let label = try PrivateMachine.run(commands: Self.loopback) {
            let server = try Socket(on: .ipv6(.loopback, port: 0))
            return try Socket(to: server.localAddress).option(.flowLabel)
        }
        #expect(label == nil)
        let socket = try Socket(.ipv6, .stream)
        let error = #expect(throws: SocketError.self) { try socket.setOption(.flowLabel, to: 5) }
        #expect(error?.errno == .protocolNotAvailable)
        let ipv4 = #expect(throws: SocketError.self) {
            try Socket(.ipv4, .stream).option(.flowLabel)
        }
        #expect(ipv4?.errno == .notSupportedOnSocket)
    }

    @Test("the error names flowLabel if its value is out of range or if the socket listens")
    func refusedLabels() throws {
        let texts = try PrivateMachine.runTask(
            commands: Self.loopback + ["echo 1 >/proc/sys/net/ipv6/flowlabel_state_ranges"]
        ) { group in
            let target = SocketAddress.ipv6(.loopback, port: 9)
            let binding = ListenOptions(socketOptions: [.flowLabel(5)])
            let tooSmall = ConnectOptions(socketOptions: [.flowLabel(0)])
            let tooLarge = ConnectOptions(socketOptions: [.flowLabel(0x100000)])
            let reserved = ConnectOptions(socketOptions: [.flowLabel(0x80000)])
            let initializers: [() async throws -> Void] = [
                { _ = try Socket(to: target, options: tooSmall) },
                { _ = try Socket(to: target, options: tooLarge) },
                { _ = try await Connection(to: target, group: group, options: tooLarge) },
                { _ = try Socket(to: target, options: reserved) },
                { _ = try Socket(on: .ipv6(.loopback, port: 0), options: binding) },
                { _ = try Listener(on: Loopback.ipv4, group: group, options: binding) },
            ]
            var texts: [String] = []
            for initializer in initializers {
                do { try await initializer() } catch { texts.append("\(error)") }
            }
            return texts
        }
        func outOfRange(_ label: Int) -> String {
            "cannot set option flowLabel to \(label): invalid argument\n"
                + "    The option takes 1 to 1048575."
        }
        let onListener =
            "cannot set option flowLabel to 5: operation not supported\n"
            + "    Only an IPv6 socket that connects has a flow label."
        #expect(
            texts == [
                outOfRange(0), outOfRange(1_048_576), outOfRange(1_048_576),
                "cannot set option flowLabel to 524288: numerical result out of range\n"
                    + "    The option takes 1 to 524287; see net.ipv6.flowlabel_state_ranges.",
                onListener, onListener,
            ])
    }

    @Test("mtu is the MTU of the route on a connected socket", arguments: addresses)
    func mtu(ip: IPAddress) throws {
        let sizes = try PrivateMachine.runTask(commands: Self.loopback) { group in
            let server = try Socket(on: SocketAddress(ip, port: 0))
            let client = try Socket(to: server.localAddress)
            let connection = try await Connection(to: server.localAddress, group: group)
            return [try client.option(.mtu), try connection.option(.mtu)]
        }
        #expect(sizes == [9_000, 9_000])
    }

    @Test("reading mtu of an unconnected socket throws, and the option cannot be set")
    func unconnectedMTU() throws {
        let socket = try Socket(.ipv4, .datagram)
        let read = #expect(throws: SocketError.self) { try socket.option(.mtu) }
        #expect(read?.errno == .socketNotConnected)
        let write = #expect(throws: SocketError.self) { try socket.setOption(.mtu, to: 1_500) }
        #expect(write?.description == "cannot set option mtu: protocol not available")
    }

    @Test(
        "mtuDiscovery can be set to each of its constants and read back",
        arguments: [AddressFamily.ipv4, .ipv6],
        [MTUDiscovery.never, .whenPossible, .always, .probe, .interface, .omit])
    func mtuDiscovery(family: AddressFamily, discovery: MTUDiscovery) throws {
        let socket = try Socket(family, .datagram)
        try socket.setOption(.mtuDiscovery, to: discovery)
        #expect(try socket.option(.mtuDiscovery) == discovery)
    }

    @Test("if mtuDiscovery is .always, a datagram larger than the MTU is not sent")
    func datagramTooLarge() throws {
        let outcomes = try PrivateMachine.runTask(commands: Self.loopback) { group in
            let receiver = try Socket(on: Loopback.ipv4, type: .datagram)
            let bytes = [UInt8](repeating: 1, count: 10_000)
            var outcomes: [Bool] = []
            for discovery in [MTUDiscovery.always, .never] {
                let options = ConnectOptions(socketOptions: [.mtuDiscovery(discovery)])
                let socket = try Socket(
                    to: receiver.localAddress, type: .datagram, options: options)
                outcomes.append((try? socket.send(bytes)) == 10_000)
                let channel = try DatagramChannel(
                    to: receiver.localAddress, group: group, options: options)
                outcomes.append((try? await channel.send(bytes)) != nil)
            }
            return outcomes
        }
        #expect(outcomes == [false, false, true, true])
    }
}
