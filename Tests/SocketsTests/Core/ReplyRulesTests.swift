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
            let datagram = Datagram(bytes: [], sender: target)
            await #expect(throws: SocketError.self, "\(channel.localAddress) to \(target)") {
                try await channel.reply(to: datagram, with: "x")
            }
        }
    }

    @Test("a reply of a socket to a sender that none of its peers can have throws")
    func mistakenReplies() throws {
        let six = try Socket(on: .udp(port: 0), options: .init(family: .ipv6))
        let loopback = try Socket(on: .udp("::1", port: 0))
        let four = try Socket(on: .udp("127.0.0.1", port: 0))
        let four9 = SocketAddress.ipv4(.loopback, port: 9)
        for (socket, target) in [
            (six, four9), (loopback, four9), (four, .ipv6(.loopback, port: 9)),
        ] {
            let datagram = Datagram(bytes: [], sender: target)
            #expect(throws: SocketError.self, "\(socket.localAddress) to \(target)") {
                try socket.reply(to: datagram, with: "x")
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
        "a link-local destination or group without a zone throws if it cannot be reached",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func missingZone() throws {
        let texts = try PrivateMachine.runTask(commands: ["ip link set lo up"]) { group in
            let channel = try await DatagramChannel(on: .udp(port: 0), group: group)
            let socket = try Socket(.ipv6, .datagram)
            let target = try #require(SocketAddress("[fe80::1]:9"))
            let group = try #require(SocketAddress("[ff02::1]:9"))
            let sends: [() async throws -> Void] = [
                { _ = try await channel.send([1], to: target) },
                { _ = try socket.send([1], to: target) },
                { _ = try await channel.send([1], to: group) },
                { _ = try socket.send([1], to: group) },
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
        for text in texts { #expect(text.contains("::1%eth0"), "\(text)") }
    }
}
