import Glibc
import SystemPackage
import Testing

@testable import Sockets

/// Link-local destinations on a machine with two links.
@Suite("DestinationLink", .ownThread, .enabled(if: PrivateMachine.isAvailable, "needs root"))
struct DestinationLinkTests {
    /// Without duplicate address detection, the link-local addresses can be used at once, so the
    /// kernel finds a route to every such destination.
    private static let twoLinks = [
        "for n in all default; do echo 0 >/proc/sys/net/ipv6/conf/$n/accept_dad; done",
        "ip link set lo up", "ip link add a0 type veth peer name a1",
        "ip link add b0 type veth peer name b1",
        "for link in a0 a1 b0 b1; do ip link set $link up; done",
        "ip -6 addr add fe80::b/64 dev b0 nodad",
    ]

    private static let target = SocketAddress("[fe80::99]:9")!

    /// Returns what each way to send does: whether the datagram was sent, or the error.
    private static func outcomes(
        _ sends: [() async throws -> Bool]
    ) async -> [String] {
        var outcomes: [String] = []
        for send in sends {
            do { outcomes.append("\(try await send())") } catch { outcomes.append("\(error)") }
        }
        return outcomes
    }

    @Test("a link-local destination without a zone throws even if the kernel has a route")
    func withoutLink() throws {
        let outcomes = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            let socket = try Socket(.ipv6, .datagram)
            let channel = try await DatagramChannel(on: .udp(port: 0), group: loops)
            let datagram = Datagram(bytes: [], sender: Self.target)
            let server = try Socket(on: .udp(port: 0))
            var fromServer = datagram
            fromServer.localAddress = server.localAddress.with(port: 0)
            return await Self.outcomes([
                { try socket.send([1], to: Self.target) == 1 },
                { try socket.send([1], to: Self.target, timeout: .seconds(5)) == 1 },
                { try socket.reply(to: datagram, with: "x") },
                { try server.reply(to: fromServer, with: "x") },
                { try await channel.send([1], to: Self.target) },
                { try await channel.reply(to: datagram, with: "x") },
                { try await channel.reply(to: fromServer, with: "x") },
            ])
        }
        #expect(outcomes.count == 7)
        for outcome in outcomes {
            #expect(
                outcome.hasPrefix("cannot send to [fe80::99]:9: invalid argument"), "\(outcome)")
            #expect(outcome.contains("fe80::99%eth0"), "\(outcome)")
        }
    }

    @Test("a link-local destination without a zone throws EINVAL if IPV6_UNICAST_IF is missing")
    func oldKernel() throws {
        let codes = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            let socket = try Socket(.ipv6, .datagram)
            let channel = try await DatagramChannel(on: .udp(port: 0), group: loops)
            let sends: [() async throws -> Void] = [
                { try socket.send([1], to: Self.target) },
                { try await channel.send([1], to: Self.target) },
            ]
            let missing = Errno(rawValue: ENOPROTOOPT)
            var codes: [Errno?] = []
            for send in sends {
                let script = FaultInjection([
                    .getsockopt: [.pass, .error(missing)]
                ])
                do {
                    try await FaultInjection.$current.withValue(script) { try await send() }
                    codes.append(nil)
                } catch {
                    codes.append((error as? SocketError)?.errno)
                }
            }
            return codes
        }
        #expect(codes == [Errno.invalidArgument, .invalidArgument])
    }

    @Test("a socket whose device has gone sends no datagram through another link")
    func deviceThatHasGone() throws {
        let outcomes = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            let options = ListenOptions(socketOptions: [
                // SO_BINDTODEVICE
                .set(SocketOption<[UInt8]>.raw(level: 1, name: 25), to: Array("b0\0".utf8))
            ])
            let socket = try Socket(on: .udp(port: 0), options: options)
            let channel = try await DatagramChannel(
                on: .udp(port: 0), group: loops, options: options)
            try PrivateMachine.run("ip link del b0")
            return await Self.outcomes([
                { try socket.send([1], to: Self.target) == 1 },
                { try await channel.send([1], to: Self.target) },
            ])
        }
        for outcome in outcomes {
            #expect(outcome.hasPrefix("cannot send to [fe80::99]:9: "), "\(outcome)")
        }
    }

    @Test("a link-local destination needs no zone if the socket is bound to a link")
    func withLink() throws {
        let outcomes = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            let index = try #require(try System.if_nametoindex("b0"))
            let linkAddress = try #require(SocketAddress("[fe80::b%b0]:0"))
            let settings: [SocketOptionSetting] = [
                // SO_BINDTODEVICE
                .set(SocketOption<[UInt8]>.raw(level: 1, name: 25), to: Array("b0\0".utf8)),
                // IPV6_UNICAST_IF, in network order
                .set(
                    SocketOption<Int32>.raw(level: 41, name: 76),
                    to: Int32(bitPattern: index.bigEndian)),
            ]
            var sends: [() async throws -> Bool] = []
            for setting in settings {
                let options = ListenOptions(socketOptions: [setting])
                let socket = try Socket(on: .udp(port: 0), options: options)
                let channel = try await DatagramChannel(
                    on: .udp(port: 0), group: loops, options: options)
                sends.append { try socket.send([1], to: Self.target) == 1 }
                sends.append { try await channel.send([1], to: Self.target) }
            }
            let socket = try Socket(on: linkAddress, type: .datagram)
            let channel = try DatagramChannel(on: linkAddress, group: loops)
            sends.append { try socket.send([1], to: Self.target) == 1 }
            sends.append { try await channel.send([1], to: Self.target) }
            // A zone is enough without any of these.
            let zoned = try #require(SocketAddress("[fe80::99%b0]:9"))
            sends.append { try Socket(.ipv6, .datagram).send([1], to: zoned) == 1 }
            return await Self.outcomes(sends)
        }
        #expect(outcomes == [String](repeating: "true", count: 7))
    }

    @Test("a datagram to a link-local group is sent through the multicast interface")
    func groups() throws {
        let (outcomes, counts) = try PrivateMachine.runTask(commands: Self.twoLinks) { loops in
            let taps = [try LinkTap("a0"), try LinkTap("b0")]
            let socket = try Socket(.ipv6, .datagram)
            let channel = try await DatagramChannel(on: .udp(port: 0), group: loops)
            let group = try #require(SocketAddress("[ff02::99]:9"))
            try socket.setMulticastInterface("b0")
            try channel.setMulticastInterface("b0")
            let outcomes = await Self.outcomes([
                { try socket.send("to the link", to: group) > 0 },
                { try await channel.send("to the link", to: group) },
            ])
            return (outcomes, taps.map { $0.hopLimits(ofPayload: "to the link").count })
        }
        #expect(outcomes == ["true", "true"])
        #expect(counts == [0, 2])
    }
}
