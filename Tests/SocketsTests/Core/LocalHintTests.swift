import Testing

@testable import Sockets

/// Errors about the local side name the local object, in every way of connecting and sending.
@Suite("LocalHint", .ownThread)
struct LocalHintTests {
    private static let target = SocketAddress.ipv4(.loopback, port: 9)
    private static let endpoint = Endpoint.udp("127.0.0.1", port: 9)

    /// Returns the error of `body`, also on a thread that does not belong to the test.
    private static func error(of body: () throws -> Void) -> SocketError? {
        do {
            try body()
            return nil
        } catch {
            return error as? SocketError
        }
    }

    /// Returns the errors of every way to connect from a local address.
    private func errors(
        from local: SocketAddress, to address: SocketAddress = target
    ) async throws -> [SocketError] {
        let options = ConnectOptions(localAddress: local)
        let (ip, port) = (try #require(address.ip), try #require(address.port))
        let connects: [() async throws -> Void] = [
            { _ = try Socket(to: address, options: options) },
            {
                _ = try Socket(to: .tcp(ip, port: port), options: options)
            },
            {
                _ = try Socket(to: address, type: .datagram, options: options)
            },
            {
                _ = try SocketStream(to: .tcp(ip, port: port), options: options)
            },
            {
                _ = try await Connection(to: address, options: options)
            },
            {
                _ = try await Connection(to: .tcp(ip, port: port), options: options)
            },
            {
                _ = try DatagramChannel(to: address, options: options)
            },
            {
                _ = try await DatagramChannel(to: .udp(ip, port: port), options: options)
            },
        ]
        var errors: [SocketError] = []
        for connect in connects {
            let error = await #expect(throws: SocketError.self) { try await connect() }
            if let error { errors.append(error) }
        }
        return errors
    }

    @Test("the error names a source address that belongs to another machine")
    func foreignSource() async throws {
        let local = SocketAddress.ipv4(IPv4Address(192, 0, 2, 1), port: 0)
        for error in try await errors(from: local) {
            #expect(error.operation == .bind)
            #expect(error.localAddress == local)
            #expect(error.errno == .addressNotAvailable)
            #expect(
                error.description.hasPrefix(
                    "cannot bind to 192.0.2.1:0: cannot assign requested address"))
            #expect(error.description.contains("does not have that address"))
        }
    }

    @Test("the error names a loopback source that cannot reach the peer, and says why")
    func loopbackSource() async throws {
        let (local, remote) = (
            Loopback.ipv4, SocketAddress.ipv4(IPv4Address(192, 0, 2, 1), port: 9)
        )
        for error in try await errors(from: local, to: remote) {
            #expect(error.operation == .connect)
            #expect(error.localAddress == local)
            #expect(error.description.hasPrefix("cannot connect to \(remote) from \(local): "))
            #expect(error.hint == "A loopback address reaches only this machine.")
        }
        // What the kernel does with IPv6 depends on the routes of the machine.
        let six = SocketAddress("[2001:db8::1]:9")!
        let unreachable = SocketError(.connect, .system(.networkUnreachable), remoteAddress: six)
            .withLocalHint(to: six, from: .ipv6(.loopback, port: 0), .stream)
        #expect(
            unreachable.firstLine
                == "cannot connect to [2001:db8::1]:9 from [::1]:0: network is unreachable")
        let socket = try Socket(.ipv4, .datagram)
        try socket.bind(on: Loopback.ipv4)
        let stream = try Socket(.ipv4, .stream)
        try stream.bind(on: Loopback.ipv4)
        let uses: [(Socket, () throws -> Void)] = [
            (socket, { _ = try socket.send([1], to: remote) }),
            (socket, { try socket.connect(to: remote) }),
            (stream, { try stream.connect(to: remote, timeout: .seconds(1)) }),
        ]
        for (socket, use) in uses {
            let error = #expect(throws: SocketError.self) { try use() }
            #expect(
                error?.description.contains("192.0.2.1:9 from \(socket.localAddress): ") == true)
            #expect(error?.hint == "A loopback address reaches only this machine.")
        }
    }

    @Test("the error of a send from IPv6 to IPv4 names the channel's local address")
    func otherFamily() async throws {
        let channel = try DatagramChannel(on: .ipv6(.loopback, port: 0))
        let error = await #expect(throws: SocketError.self) {
            try await channel.send([1], to: Self.target)
        }
        #expect(
            error?.description.hasPrefix(
                "cannot send to 127.0.0.1:9 from \(channel.localAddress): ") == true)
        #expect(error?.hint == "An IPv6 address does not reach an IPv4 address.")
    }

    @Test("the error names a source port that is in use")
    func usedSource() async throws {
        let holder = try Socket(on: .tcp("127.0.0.1", port: 0))
        let local = holder.localAddress
        let error = #expect(throws: SocketError.self) {
            try Socket(
                to: .tcp("localhost", port: 9),
                options: .init(localAddress: local, family: .ipv4))
        }
        #expect(error?.operation == .bind)
        #expect(error?.description == "cannot bind to \(local): address already in use")
    }

    @Test("the error names a source address of the wrong family")
    func wrongFamily() async throws {
        let six = SocketAddress.ipv6(.loopback, port: 0)
        for error in try await errors(from: six) {
            #expect(error.operation == .bind)
            #expect(error.localAddress == six)
            #expect(
                error.description
                    == "cannot bind to [::1]:0: the peer's address is IPv4, so the local address"
                    + " must be IPv4 too"
            )
        }
        let four = SocketAddress.ipv4(.loopback, port: 0)
        for error in try await errors(from: four, to: .ipv6(.loopback, port: 9)) {
            #expect(error.operation == .bind)
            #expect(error.localAddress == four)
        }
    }

    @Test("connect tries only those addresses of a name that have the family of the local address")
    func oneFamily() async throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let port = try #require(server.localAddress.port)
        let local = SocketAddress.ipv4(.loopback, port: 0)
        let client = try Socket(
            to: .tcp("localhost", port: port), options: .init(localAddress: local))
        #expect(client.remoteAddress == server.localAddress)
        let error = await #expect(throws: SocketError.self) {
            try await Connection(
                to: .tcp("localhost", port: port),
                options: .init(localAddress: .ipv6(.loopback, port: 0)))
        }
        #expect(error?.errno == .connectionRefused)
    }

    @Test("the error of a broadcast without permission names the option SO_BROADCAST")
    func broadcast() async throws {
        // A machine without a network has only this broadcast address.
        let broadcast = SocketAddress.ipv4(IPv4Address(127, 255, 255, 255), port: 9)
        let channel = try await DatagramChannel(on: .udp(port: 0))
        let socket = try Socket(.ipv4, .datagram)
        let sends: [() async throws -> Void] = [
            { _ = try socket.send([1], to: broadcast) },
            { try socket.connect(to: broadcast) },
            { _ = try Socket(to: broadcast, type: .datagram) },
            { _ = try Socket(to: .udp("127.255.255.255", port: 9)) },
            { _ = try await DatagramChannel(to: .udp("127.255.255.255", port: 9)) },
        ]
        for send in sends {
            let error = await #expect(throws: SocketError.self) { try await send() }
            #expect(error?.errno == .permissionDenied)
            #expect(error?.description.contains("SO_BROADCAST") == true)
        }
        // The broadcast address of a network may be that of a sender, so it is not a mistake.
        #expect(try await !channel.send([1], to: broadcast))
    }

    @Test(
        "the error of a link-local address without a zone asks for a zone",
        arguments: [SocketAddress("[fe80::1]:9")!])
    func missingZone(address: SocketAddress) async throws {
        let uses: [() async throws -> Void] = [
            { _ = try Socket(to: address) },
            { _ = try Socket(to: .tcp("fe80::1", port: 9)) },
            { _ = try Socket(on: address) },
            { _ = try await Connection(to: address) },
            { _ = try await Connection(to: .tcp("fe80::1", port: 9)) },
            { _ = try await Listener(on: .tcp("fe80::1", port: 9)) },
            { _ = try await DatagramChannel(on: .udp("fe80::1", port: 9)) },
            { _ = try DatagramChannel(to: address) },
            { _ = try Socket(to: .udp("fe80::1", port: 9)) },
            { try Socket(.ipv6, .datagram).connect(to: address) },
            { try Socket(.ipv6, .stream).connect(to: address) },
            { _ = try SocketStream(to: .tcp("fe80::1", port: 9)) },
            { _ = try await DatagramChannel(to: .udp("fe80::1", port: 9)) },
            { _ = try Socket(.ipv6, .datagram).send([1], to: address) },
            { _ = try await DatagramChannel(on: .udp(port: 0)).send([1], to: address) },
        ]
        for (number, use) in uses.enumerated() {
            let error = await #expect(throws: SocketError.self, "\(number)") { try await use() }
            #expect(error?.errno == .invalidArgument, "\(number)")
            #expect(error?.description.contains("fe80::1%eth0") == true, "\(number)")
        }
    }

    @Test("the error of a UDP connect to a link-local group without a zone asks for a zone")
    func missingZoneOfGroup() async throws {
        let group = try #require(SocketAddress("[ff02::1]:9"))
        let connects: [() async throws -> Void] = [
            { _ = try Socket(to: group, type: .datagram) },
            { try Socket(.ipv6, .datagram).connect(to: group) },
            { _ = try DatagramChannel(to: group) },
        ]
        for (number, connect) in connects.enumerated() {
            let error = await #expect(throws: SocketError.self, "\(number)") { try await connect() }
            #expect(error?.errno == .invalidArgument, "\(number)")
            #expect(error?.description.contains("ff02::1%eth0") == true, "\(number)")
        }
    }

    @Test("the error of a mapped IPv4 address does not ask for a zone")
    func mappedAddress() throws {
        let mapped = try #require(SocketAddress("[::ffff:169.254.1.1]:9"))
        let error = SocketError(.connect, .system(.invalidArgument), remoteAddress: mapped)
        #expect(error.hint == nil)
    }

    @Test(
        "the error of connecting with an option value out of range names the range",
        arguments: [
            (SocketOptionSetting.set(.keepAliveIdle, to: .seconds(32_768)), "1 to 32767 s"),
            (.set(.keepAliveIdle, to: .zero), "1 to 32767 s"),
            (.set(.keepAliveInterval, to: .seconds(40_000)), "1 to 32767 s"),
            (.set(.keepAliveCount, to: 128), "1 to 127"),
            (.set(.timeToLive, to: 256), "1 to 255"),
        ])
    func ranges(setting: SocketOptionSetting, range: String) async throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let address = server.localAddress
        let options = ConnectOptions(socketOptions: [setting])
        let blocking = #expect(throws: SocketError.self) {
            try Socket(to: address, options: options)
        }
        let inTask = await #expect(throws: SocketError.self) {
            try await Connection(to: address, options: options)
        }
        for error in [blocking, inTask] {
            #expect(error?.operation == .setOption)
            #expect(error?.errno == .invalidArgument)
            #expect(error?.description.contains("takes \(range).") == true)
        }
    }

    @Test("the error of setting an option value out of range on an open socket names the range")
    func rangesOfOpenSockets() async throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let client = try Socket(to: server.localAddress)
        let connection = try await Connection(to: server.localAddress)
        let sets: [() throws -> Void] = [
            { try client.setOption(.keepAliveIdle, to: .seconds(50_000)) },
            { try connection.setOption(.keepAliveIdle, to: .seconds(50_000)) },
        ]
        for set in sets {
            let error = #expect(throws: SocketError.self) { try set() }
            #expect(error?.description.contains("keepAliveIdle") == true)
            #expect(error?.description.contains("32767") == true)
        }
    }

    @Suite("on a private machine", .enabled(if: PrivateMachine.isAvailable, "needs root"))
    struct OnAPrivateMachine {
        private static let onePort = [
            "ip link set lo up", "echo 40000 40000 >/proc/sys/net/ipv4/ip_local_port_range",
        ]

        @Test(
            "the error of a connect without a free local port mentions the local ports",
            arguments: [IPAddress.v4(.loopback), .v6(.loopback)])
        func exhaustedPorts(ip: IPAddress) throws {
            let target = SocketAddress(ip, port: 7001)
            let errors = try PrivateMachine.runTask(commands: Self.onePort) { group in
                let server = try Socket(on: target)
                let held = try Socket(to: target)
                defer { withExtendedLifetime((server, held)) {} }
                let source = ConnectOptions(localAddress: SocketAddress(ip, port: 0))
                let connects: [() async throws -> Void] = [
                    { _ = try Socket(to: target) },
                    { _ = try Socket(to: target, options: source) },
                    { try Socket(target.family!, .stream).connect(to: target) },
                    { _ = try await Connection(to: target, group: group) },
                    {
                        _ = try await Connection(
                            to: .tcp(ip, port: 7001), group: group, options: source)
                    },
                ]
                var errors: [SocketError] = []
                for connect in connects {
                    do { try await connect() } catch let error as SocketError {
                        errors.append(error)
                    }
                }
                return errors
            }
            #expect(errors.count == 5)
            for error in errors {
                #expect(error.errno == .addressNotAvailable)
                #expect(error.description.contains("local port"))
                #expect(error.description.contains("ip_local_port_range"))
            }
        }

        @Test(
            "a UDP socket without a free local port fails at once, whatever its limit",
            arguments: [IPAddress.v4(.loopback), .v6(.loopback)],
            [TimeLimit.never, .seconds(60), .milliseconds(0)])
        func exhaustedDatagramPorts(ip: IPAddress, limit: TimeLimit) throws {
            let target = SocketAddress(ip, port: 7001)
            let errors = try PrivateMachine.run(commands: Self.onePort) {
                let held = try Socket(on: .udp(ip, port: 0))
                defer { withExtendedLifetime(held) {} }
                let family = try #require(target.family)
                return [
                    LocalHintTests.error {
                        try Socket(family, .datagram).send([1], to: target, timeout: limit)
                    },
                    LocalHintTests.error {
                        try Socket(family, .datagram).connect(to: target, timeout: limit)
                    },
                    LocalHintTests.error { _ = try Socket(to: target, type: .datagram) },
                ].map { $0?.description ?? "no error" }
            }
            for text in errors {
                #expect(text.contains("resource temporarily unavailable"), "\(text)")
                #expect(text.contains("No local port is free"), "\(text)")
            }
        }

        @Test(
            "errors still have hints about local ports and broadcasts if no UDP port is free",
            arguments: [IPAddress.v4(.loopback), .v6(.loopback)])
        func exhaustedPortsOfBoth(ip: IPAddress) throws {
            let target = SocketAddress(ip, port: 7001)
            let texts = try PrivateMachine.run(commands: Self.onePort) {
                let server = try Socket(on: target)
                let held = try Socket(to: target)
                let udp = try Socket(on: .udp(port: 0))
                defer { withExtendedLifetime((server, held, udp)) {} }
                return [
                    LocalHintTests.error { _ = try Socket(to: target) },
                    LocalHintTests.error {
                        try udp.send([1], to: SocketAddress("127.255.255.255:9")!)
                    },
                ].map { $0?.description ?? "no error" }
            }
            #expect(texts[0].contains("No local port is free"), "\(texts)")
            #expect(texts[1].contains("SO_BROADCAST"), "\(texts)")
        }

        @Test("the error of a bind without a free local port mentions the local ports")
        func exhaustedBind() throws {
            let errors = try PrivateMachine.run(commands: Self.onePort) {
                let held = try Socket(on: .tcp("127.0.0.1", port: 0))
                let udp = try Socket(on: .udp("127.0.0.1", port: 0))
                defer { withExtendedLifetime((held, udp)) {} }
                return [
                    LocalHintTests.error { _ = try Socket(on: .tcp("127.0.0.1", port: 0)) },
                    LocalHintTests.error { _ = try Socket(on: .udp("127.0.0.1", port: 0)) },
                    LocalHintTests.error { _ = try Socket(to: .udp("127.0.0.1", port: 9)) },
                    // Without a bind, listen chooses the port.
                    LocalHintTests.error { try Socket(.ipv4).listen() },
                ].map { $0?.description ?? "" }
            }
            for text in errors { #expect(text.contains("local port")) }
        }

        @Test("the error of an IPv6 connect on a machine without IPv6 does not mention local ports")
        func withoutIPv6() throws {
            let text = try PrivateMachine.run(commands: [
                "ip link set lo up", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6",
            ]) {
                LocalHintTests.error { _ = try Socket(to: .tcp("::1", port: 9)) }?.description ?? ""
            }
            #expect(text.hasPrefix("cannot connect to [::1]:9: cannot assign requested address"))
            #expect(!text.contains("local port"))
        }
    }
}
