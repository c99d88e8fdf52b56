import Testing

@testable import Sockets

@Suite("ReplyRules", .ownThread)
struct ReplyRulesTests {
    @Test("send and reply of a channel throw if its local address cannot reach the destination")
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

    @Test("reply of a socket throws if its local address cannot reach the datagram's sender")
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

    @Test(
        "at an IPv4-mapped address, reply returns false if no route leads to the IPv4 sender")
    func mappedAddress() async throws {
        let mapped = try #require(SocketAddress("[::ffff:127.0.0.1]:0"))
        // The kernel has no route from a loopback address to this address.
        let datagram = Datagram(bytes: [], sender: .ipv4(IPv4Address(192, 0, 2, 1), port: 9))
        let socket = try Socket(.ipv6, .datagram)
        try socket.bind(on: mapped)
        #expect(try !socket.reply(to: datagram, with: "x"))
        let channel = try DatagramChannel(adopting: socket)
        #expect(try await !channel.reply(to: datagram, with: "x"))
        #expect(try await !channel.send([1], to: datagram.sender))
    }

    @Test("send returns false for port 0 or an unnamed address, where no peer can receive")
    func lost() async throws {
        let channel = try await DatagramChannel(on: .udp(port: 0))
        for target in ["127.0.0.1:0", "[::1]:0", "unnamed"] {
            #expect(try await !channel.send([1], to: try #require(SocketAddress(target))))
        }
    }

    @Test(
        "sending to an unreachable link-local destination or group without a zone throws",
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

    /// Unix clients that have sent a request to `server` and cannot be sent the same bytes.
    private static func refusingUnixClients(of server: SocketAddress) throws -> [Socket] {
        let clients = try (0..<3).map { _ in
            try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
        }
        try clients[0].send("request", to: server)
        try clients[0].connect(to: clients[1].localAddress)
        try clients[1].send("request", to: server)
        try clients[1].shutdown(.read)
        try clients[2].send([UInt8](repeating: 1, count: 100_000), to: server)
        return clients
    }

    @Test("a Unix client that a service cannot answer does not end the service")
    func refusingUnixClients() async throws {
        let settings = [SocketOptionSetting.set(.sendBufferSize, to: 8_192)]
        let options = ListenOptions(socketOptions: settings)
        let socket = try Socket(on: .unixDatagram("@" + Loopback.unixPath()), options: options)
        let clients = try Self.refusingUnixClients(of: socket.localAddress)
        for _ in clients {
            let datagram = try socket.receiveFrom(timeout: .seconds(5))
            #expect(try !socket.reply(to: datagram, with: datagram.bytes))
            #expect(
                try !socket.reply(to: datagram, with: datagram.bytes, timeout: .seconds(5)))
        }

        let channel = try await DatagramChannel(
            on: .unixDatagram("@" + Loopback.unixPath()), options: options)
        let others = try Self.refusingUnixClients(of: channel.localAddress)
        for _ in others {
            let datagram = try await channel.receive(timeout: .seconds(5))
            #expect(try await !channel.reply(to: datagram, with: datagram.bytes))
            #expect(
                try await !channel.reply(to: datagram, with: datagram.bytes, timeout: .seconds(5)))
            #expect(try await !channel.send("answer", to: others[0].localAddress))
            #expect(try await !channel.send("answer", to: others[1].localAddress))
        }
    }

    @Test("send and reply throw if the program passes too many bytes")
    func tooLong() async throws {
        let bytes = [UInt8](repeating: 1, count: 300_000)
        let socket = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
        let channel = try await DatagramChannel(on: .unixDatagram("@" + Loopback.unixPath()))
        let client = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
        let datagram = Datagram(bytes: [1], sender: client.localAddress)
        let header = DatagramHeader(
            count: 1, originalCount: 1, sender: client.localAddress, localAddress: nil)
        let sends: [() async throws -> Void] = [
            { try socket.send(bytes, to: client.localAddress) },
            { try socket.reply(to: datagram, with: bytes) },
            { try socket.reply(to: header, with: bytes.span.bytes) },
            { try await channel.send(bytes, to: client.localAddress) },
            { try await channel.reply(to: datagram, with: bytes) },
            { try await channel.reply(to: header, with: bytes.span.bytes, timeout: .seconds(5)) },
        ]
        for (number, send) in sends.enumerated() {
            let error = await #expect(throws: SocketError.self, "\(number)") { try await send() }
            #expect(error?.errno == .messageTooLong, "\(number)")
        }
    }

    @Test(
        "without a route, a send to a group or 255.255.255.255 throws, and to a host returns false",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func withoutRoute() throws {
        let targets = [
            "239.1.1.1:9", "[::ffff:239.1.1.1]:9", "[ff02::77]:9", "[ff0e::77]:9",
            "255.255.255.255:9", "192.0.2.1:9", "[2001:db8::1]:9",
        ]
        let outcomes = try PrivateMachine.runTask(commands: ["ip link set lo up"]) { loops in
            let channel = try await DatagramChannel(
                on: .udp(port: 0), group: loops,
                options: ListenOptions(socketOptions: [.set(.broadcast, to: true)]))
            let socket = try Socket(
                on: .udp(port: 0),
                options: ListenOptions(socketOptions: [.set(.broadcast, to: true)]))
            var outcomes: [String] = []
            for text in targets {
                let target = try #require(SocketAddress(text))
                let datagram = Datagram(bytes: [], sender: target)
                let sends: [() async throws -> Bool] = [
                    { try await channel.send([1], to: target) },
                    { try await channel.reply(to: datagram, with: "x") },
                    { try socket.reply(to: datagram, with: "x") },
                ]
                for send in sends {
                    do throws {
                        outcomes.append("\(try await send())")
                    } catch {
                        outcomes.append("\((error as? SocketError)?.errno == .networkUnreachable)!")
                    }
                }
            }
            return outcomes
        }
        let expected = (0..<21).map { $0 < 15 ? "true!" : "false" }
        #expect(outcomes == expected)
    }

    private static let link = [
        "ip link set lo up", "ip link add a0 type bridge",
        "ip -6 addr add fe80::aa/64 dev a0 nodad",
        "ip link set a0 up",
    ]

    @Test(
        "a sender whose link has been renamed or removed does not end a service",
        .enabled(if: PrivateMachine.isAvailable, "needs root"),
        arguments: ["ip link set a0 down; ip link set a0 name b0", "ip link del a0"])
    func linkThatHasGone(change: String) throws {
        let replies = try PrivateMachine.runTask(commands: Self.link) { group in
            let socket = try Socket(on: .udp(port: 0))
            let channel = try await DatagramChannel(on: .udp(port: 0), group: group)
            let client = try Socket(
                on: try #require(SocketAddress("[fe80::aa%a0]:0")), type: .datagram)
            for server in [socket.localAddress, channel.localAddress] {
                try client.send("request", to: client.localAddress.with(port: server.port ?? 0))
            }
            let first = try socket.receiveFrom(timeout: .seconds(5))
            let second = try await channel.receive(timeout: .seconds(5))
            var replies = [
                try socket.reply(to: first, with: "answer"),
                try await channel.reply(to: second, with: "answer"),
            ]
            try PrivateMachine.run(change)
            replies.append(try socket.reply(to: first, with: "answer"))
            replies.append(try await channel.reply(to: second, with: "answer"))
            replies.append(try await channel.send("answer", to: second.sender))
            return replies
        }
        #expect(replies == [true, true, false, false, false])
    }
}
