import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite(
    "SocketOption: routing", .ownThread, .enabled(if: PrivateMachine.isAvailable, "needs root"))
struct SocketOptionRoutingTests {
    private static let loopback = ["ip link set lo up"]

    @Test("boundInterface and incomingCPU are set, read and reset on an open socket")
    func resetting() throws {
        let socket = try Socket(.ipv4, .stream)
        #expect(try socket.option(.boundInterface) == nil)
        #expect(try socket.option(.incomingCPU) == nil)
        try socket.setOption(.boundInterface, to: "lo")
        try socket.setOption(.incomingCPU, to: 0)
        #expect(try socket.option(.boundInterface) == "lo")
        #expect(try socket.option(.incomingCPU) == 0)
        try socket.setOption(.boundInterface, to: nil)
        try socket.setOption(.incomingCPU, to: nil)
        #expect(try socket.option(.boundInterface) == nil)
        #expect(try socket.option(.incomingCPU) == nil)
    }

    @Test("a listener keeps the incomingCPU of its options, and a connection reports a processor")
    func incomingCPU() async throws {
        let options = ListenOptions(reusePort: true, socketOptions: [.incomingCPU(1)])
        let server = try Socket(on: Loopback.ipv4, options: options)
        #expect(try server.option(.incomingCPU) == 1)
        let listener = try Listener(on: Loopback.ipv4, options: options)
        #expect(try listener.option(.incomingCPU) == 1)
        let client = try Socket(to: listener.localAddress)
        let accepted = try await listener.accept(timeout: .seconds(20))
        #expect(try accepted.option(.incomingCPU) ?? -1 >= 0)
        client.close()
    }

    @Test("a connect sets the mark before its first packet, so a routing rule matches the packet")
    func markedConnect() throws {
        // The rule must precede the local table, which otherwise comes first.
        let commands =
            Self.loopback + [
                "ip rule add pref 10 lookup local", "ip rule del pref 0",
                "ip rule add pref 1 fwmark 7 unreachable",
            ]
        let outcomes = try PrivateMachine.runTask(commands: commands) { group in
            let server = try Socket(on: Loopback.ipv4)
            var outcomes: [Bool] = []
            for mark in [UInt32(7), 8] {
                let options = ConnectOptions(socketOptions: [.mark(mark)])
                outcomes.append((try? Socket(to: server.localAddress, options: options)) != nil)
                let connection = try? await Connection(
                    to: server.localAddress, group: group, options: options)
                outcomes.append(connection != nil)
            }
            return outcomes
        }
        #expect(outcomes == [false, false, true, true])
    }

    @Test("a connect binds the interface before its first packet")
    func boundConnect() throws {
        // The address is reachable only through the loopback interface.
        let commands =
            Self.loopback + [
                "ip link add d0 type veth peer name d1", "ip link set d0 up", "ip link set d1 up",
            ]
        let outcomes = try PrivateMachine.runTask(commands: commands) { group in
            let server = try Socket(on: Loopback.ipv4)
            var outcomes: [Bool] = []
            for (interface, timeout) in [("d0", TimeLimit.milliseconds(50)), ("lo", .seconds(20))] {
                let options = ConnectOptions(socketOptions: [.boundInterface(interface)])
                let socket = try? Socket(
                    to: server.localAddress, timeout: timeout, options: options)
                outcomes.append(socket != nil)
                let connection = try? await Connection(
                    to: server.localAddress, timeout: timeout, group: group, options: options)
                outcomes.append(connection != nil)
            }
            return outcomes
        }
        #expect(outcomes == [false, false, true, true])
    }

    @Test(
        "freeBind and transparent allow an address that the machine does not have",
        arguments: ["192.0.2.9", "2001:db8::9"])
    func foreignAddress(text: String) throws {
        let ip = try #require(IPAddress(text))
        let outcomes = try PrivateMachine.runTask(commands: Self.loopback) { group in
            let address = SocketAddress(ip, port: 0)
            var outcomes: [Bool] = []
            for settings in [[], [SocketOptionSetting.freeBind()], [.transparent()]] {
                let options = ListenOptions(socketOptions: settings)
                let socket = try? Socket(on: address, options: options)
                outcomes.append(socket?.localAddress.ip == ip)
                let listener = try? Listener(on: address, group: group, options: options)
                outcomes.append(listener?.localAddress.ip == ip)
                let channel = try? DatagramChannel(on: address, group: group, options: options)
                outcomes.append(channel?.localAddress.ip == ip)
                // The connect may fail for want of a route, but only after the bind.
                let connecting = ConnectOptions(localAddress: address, socketOptions: settings)
                let target = SocketAddress(
                    ip.family == .ipv4 ? .v4(.loopback) : .v6(.loopback), port: 9)
                outcomes.append(
                    Self.isBound {
                        _ = try Socket(to: target, type: .datagram, options: connecting)
                    })
                outcomes.append(
                    Self.isBound {
                        _ = try DatagramChannel(to: target, group: group, options: connecting)
                    })
            }
            return outcomes
        }
        #expect(
            outcomes == [Bool](repeating: false, count: 5) + [Bool](repeating: true, count: 10))
    }

    /// Returns whether an initializer succeeded or failed only after the bind.
    private static func isBound(_ connect: () throws -> Void) -> Bool {
        do {
            try connect()
            return true
        } catch {
            return (error as? SocketError)?.operation == .connect
        }
    }

    // MARK: Original destination

    private static func redirecting(_ family: String) -> [String] {
        loopback + [
            "nft add table \(family) t",
            "nft add chain \(family) t o '{ type nat hook output priority -100 ; }'",
            "nft add rule \(family) t o tcp dport 7001 redirect to :7002",
        ]
    }

    @Test(
        "originalDestination is the address to which a client connected before the redirection",
        .enabled(if: access("/usr/sbin/nft", X_OK) == 0, "needs nftables"),
        arguments: [
            (.v4(.loopback), .v4(.loopback)), (.v6(.loopback), .v6(.loopback)),
            (.v6(.any), .v4(.loopback)),
        ] as [(IPAddress, IPAddress)])
    func originalDestination(listening: IPAddress, target: IPAddress) throws {
        let commands = Self.redirecting(target.family == .ipv4 ? "ip" : "ip6")
        let destinations = try PrivateMachine.runTask(commands: commands) { group in
            let server = try Socket(on: SocketAddress(listening, port: 7002))
            let client = try Socket(to: SocketAddress(target, port: 7001))
            let accepted = try server.accept(timeout: .seconds(20))
            let direct = try Socket(to: SocketAddress(target, port: 7002))
            let other = try server.accept(timeout: .seconds(20))
            server.close()
            let listener = try Listener(on: SocketAddress(listening, port: 7002), group: group)
            let connection = try await Connection(
                to: SocketAddress(target, port: 7001), group: group)
            let inTask = try await listener.accept(timeout: .seconds(20))
            defer { withExtendedLifetime((client, direct, connection)) {} }
            return [
                try accepted.option(.originalDestination),
                try inTask.option(.originalDestination),
                try other.option(.originalDestination),
            ]
        }
        let original = SocketAddress(target, port: 7001)
        #expect(destinations == [original, original, SocketAddress(target, port: 7002)])
    }

    @Test("originalDestination is nil without a firewall, and cannot be set")
    func noRedirection() throws {
        let destinations = try PrivateMachine.run(commands: Self.loopback) {
            let server = try Socket(on: Loopback.ipv4)
            let client = try Socket(to: server.localAddress)
            let accepted = try server.accept(timeout: .seconds(20))
            defer { client.close() }
            return try accepted.option(.originalDestination)
        }
        #expect(destinations == nil)
        let socket = try Socket(.ipv4, .stream)
        let error = #expect(throws: SocketError.self) {
            try socket.setOption(.originalDestination, to: nil)
        }
        #expect(error?.errno == .protocolNotAvailable)
    }
}
