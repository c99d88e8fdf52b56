import Testing

@testable import Sockets

@Suite("ReplyRules", .ownThread)
struct ReplyRulesTests {
    @Test("a destination that no peer of the channel can have throws")
    func mistakes() async throws {
        let six = try await DatagramChannel(on: .udp(port: 0), options: .init(family: .ipv6))
        let loopback = try await DatagramChannel(on: .udp("::1", port: 0))
        let four = try await DatagramChannel(on: .udp("127.0.0.1", port: 0))
        let four9 = SocketAddress.ipv4(.loopback, port: 9)
        for (channel, target) in [
            (six, four9), (loopback, four9), (four, .ipv6(.loopback, port: 9)),
        ] {
            await #expect(throws: SocketError.self, "\(channel.localAddress) to \(target)") {
                try await channel.send([1], to: target)
            }
        }
    }

    @Test("what a peer can cause returns false")
    func lost() async throws {
        let channel = try await DatagramChannel(on: .udp(port: 0))
        for target in ["127.0.0.1:0", "[::1]:0", "unnamed"] {
            #expect(try await !channel.send([1], to: try #require(SocketAddress(target))))
        }
    }

    @Test(
        "a link-local destination without a zone throws if it cannot be reached",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func missingZone() throws {
        let texts = try PrivateMachine.runTask(commands: ["ip link set lo up"]) { group in
            let channel = try await DatagramChannel(on: .udp(port: 0), group: group)
            let socket = try Socket(.ipv6, .datagram)
            let target = try #require(SocketAddress("[fe80::1]:9"))
            let sends: [() async throws -> Void] = [
                { _ = try await channel.send([1], to: target) },
                { _ = try socket.send([1], to: target) },
            ]
            var texts: [String] = []
            for send in sends {
                do {
                    try await send()
                    texts.append("no error")
                } catch {
                    texts.append("\(error)")
                }
            }
            return texts
        }
        for text in texts { #expect(text.contains("fe80::1%eth0"), "\(text)") }
    }
}
