import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite(
    "SocketOption: TCP", .ownThread, .enabled(if: PrivateMachine.isAvailable, "needs root"))
struct SocketOptionTCPTests {
    private static let loopback = ["ip link set lo up"]

    @Test("keepAliveProbes sets the four options of the kernel, and nil turns the probes off")
    func keepAliveProbes() throws {
        let socket = try Socket(.ipv4, .stream)
        #expect(try socket.option(.keepAliveProbes) == nil)
        let probes = KeepAliveProbes(idle: .seconds(90), interval: .seconds(7), count: 4)
        try socket.setOption(.keepAliveProbes, to: probes)
        #expect(try socket.option(.keepAliveProbes) == probes)
        #expect(try socket.option(.keepAlive))
        #expect(try socket.option(.keepAliveIdle) == .seconds(90))
        #expect(try socket.option(.keepAliveInterval) == .seconds(7))
        #expect(try socket.option(.keepAliveCount) == 4)
        try socket.setOption(.keepAliveProbes, to: nil)
        #expect(try socket.option(.keepAliveProbes) == nil)
        #expect(try !socket.option(.keepAlive))
    }

    @Test("the default KeepAliveProbes have the values of the kernel")
    func defaultProbes() throws {
        let probes = try PrivateMachine.run {
            let socket = try Socket(.ipv4, .stream)
            try socket.setOption(.keepAlive, to: true)
            return try socket.option(.keepAliveProbes)
        }
        #expect(probes == KeepAliveProbes())
    }

    @Test("keep-alive probes stay off if the kernel rejects a value")
    func rejectedProbes() throws {
        let socket = try Socket(.ipv4, .stream)
        for probes in [
            KeepAliveProbes(idle: .zero), KeepAliveProbes(interval: .seconds(32_768)),
            KeepAliveProbes(count: 0), KeepAliveProbes(count: .max),
        ] {
            let error = #expect(throws: SocketError.self) {
                try socket.setOption(.keepAliveProbes, to: probes)
            }
            #expect(error?.errno == .invalidArgument)
            #expect(try socket.option(.keepAliveProbes) == nil)
        }
    }

    @Test(
        "userTimeout is rounded up to milliseconds and limited to the kernel's largest value",
        arguments: [
            (.zero, .zero), (.microseconds(1), .milliseconds(1)),
            (.seconds(Int64.max), .milliseconds(Int32.max)),
        ] as [(Duration, Duration)])
    func userTimeout(duration: Duration, expected: Duration) throws {
        let socket = try Socket(.ipv4, .stream)
        try socket.setOption(.userTimeout, to: duration)
        #expect(try socket.option(.userTimeout) == expected)
    }

    @Test("quickAck is set and read on both ends of a connection")
    func quickAck() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let client = try Socket(to: listener.localAddress)
        let server = try await listener.accept(timeout: .seconds(20))
        for isOn in [false, true, false] {
            try client.setOption(.quickAck, to: isOn)
            #expect(try client.option(.quickAck) == isOn)
            try server.setOption(.quickAck, to: isOn)
            #expect(try server.option(.quickAck) == isOn)
        }
    }

    @Test("a listener with deferAccept accepts a client only after its first bytes")
    func deferAccept() throws {
        let outcomes = try PrivateMachine.runTask(commands: Self.loopback) { group in
            let options = ListenOptions(socketOptions: [.deferAccept(.seconds(20))])
            let server = try Socket(on: Loopback.ipv4, options: options)
            let listener = try Listener(on: Loopback.ipv4, group: group, options: options)
            let client = try Socket(to: server.localAddress)
            let connection = try await Connection(to: listener.localAddress, group: group)
            var outcomes = [
                (try? server.accept(timeout: .seconds(0))) == nil,
                (try? await listener.accept(timeout: .seconds(0))) == nil,
            ]
            try client.send("x")
            outcomes.append(try server.accept(timeout: .seconds(20)).receive() == [0x78])
            try await connection.write("x")
            let accepted = try await listener.accept(timeout: .seconds(20))
            outcomes.append(try await accepted.read() == [0x78])
            return outcomes
        }
        #expect(outcomes == [true, true, true, true])
    }

    // MARK: Fast open

    @Test("with fastOpenConnect, a known server receives the first bytes with the first packet")
    func fastOpen() throws {
        let outcomes = try PrivateMachine.runTask(
            commands: Self.loopback + ["echo 3 >/proc/sys/net/ipv4/tcp_fastopen"]
        ) { group in
            let binding = ListenOptions(socketOptions: [.fastOpenBacklog(8)])
            let server = try Socket(on: Loopback.ipv4, options: binding)
            let options = ConnectOptions(socketOptions: [.fastOpenConnect()])
            // The first connection gets the server's cookie in the handshake.
            let first = try Socket(to: server.localAddress, options: options)
            try first.send("1")
            var outcomes = [try server.accept(timeout: .seconds(20)).receive() == [0x31]]

            let second = try Socket(to: server.localAddress, options: options)
            outcomes.append(second.remoteAddress == server.localAddress)
            outcomes.append((try? server.accept(timeout: .seconds(0))) == nil)
            try second.send("2")
            outcomes.append(try server.accept(timeout: .seconds(20)).receive() == [0x32])
            outcomes.append(try Self.sentDataInHandshake(second))
            outcomes.append(try !Self.sentDataInHandshake(first))

            let third = try await Connection(
                to: server.localAddress, group: group, options: options)
            outcomes.append(third.remoteAddress == server.localAddress)
            outcomes.append((try? server.accept(timeout: .seconds(0))) == nil)
            try await third.write("3")
            let accepted = try server.accept(timeout: .seconds(20))
            outcomes.append(try accepted.receive() == [0x33])
            try accepted.send("reply")
            outcomes.append(try await third.read(atMost: 5) == Array("reply".utf8))
            outcomes.append(try Self.sentDataInHandshake(third))
            return outcomes
        }
        #expect(outcomes == [Bool](repeating: true, count: 11))
    }

    /// Returns whether the server acknowledged bytes in the client's first packet: the flag
    /// `TCPI_OPT_SYN_DATA` of `tcpi_options` in `TCP_INFO`.
    private static func sentDataInHandshake(_ client: any ConfigurableSocket) throws -> Bool {
        let information = try client.option(
            SocketOption<[UInt8]>.raw(level: Int32(IPPROTO_TCP), name: TCP_INFO))
        return information[5] & 0x20 != 0
    }

    @Test("the first write waits for the handshake if the server's cookie is lost after connect")
    func lostCookie() throws {
        let outcomes = try PrivateMachine.runTask(
            commands: Self.loopback + ["echo 3 >/proc/sys/net/ipv4/tcp_fastopen"]
        ) { group in
            let binding = ListenOptions(socketOptions: [.fastOpenBacklog(8)])
            let server = try Socket(on: Loopback.ipv4, options: binding)
            let options = ConnectOptions(socketOptions: [.fastOpenConnect()])
            /// Gets the server's cookie in a handshake.
            func learnCookie() throws {
                let client = try Socket(to: server.localAddress, options: options)
                try client.send("0")
                _ = try server.accept(timeout: .seconds(20)).receive()
            }
            try learnCookie()
            let client = try Socket(to: server.localAddress, options: options)
            try PrivateMachine.run("ip tcp_metrics flush")
            var outcomes = [(try? server.accept(timeout: .seconds(0))) == nil]
            try client.sendAll("1", timeout: .seconds(20))
            outcomes.append(try server.accept(timeout: .seconds(20)).receive() == [0x31])

            for writesParts in [false, true] {
                try learnCookie()
                let connection = try await Connection(
                    to: server.localAddress, group: group, options: options)
                try PrivateMachine.run("ip tcp_metrics flush")
                outcomes.append((try? server.accept(timeout: .seconds(0))) == nil)
                if writesParts {
                    try await connection.write(parts: [[0x32], [0x33]], timeout: .seconds(20))
                } else {
                    try await connection.write("23", timeout: .seconds(20))
                }
                let accepted = try server.accept(timeout: .seconds(20))
                let stream = SocketStream(accepted)
                outcomes.append(
                    try stream.readExactly(2, timeout: .seconds(20)) == [0x32, 0x33])
            }
            return outcomes
        }
        #expect(outcomes == [Bool](repeating: true, count: 6))
    }

    @Test("if the machine forbids fastOpenConnect, the error names the kernel's setting")
    func forbiddenFastOpen() throws {
        let texts = try PrivateMachine.runTask(
            commands: Self.loopback + ["echo 0 >/proc/sys/net/ipv4/tcp_fastopen"]
        ) { group in
            let server = try Socket(on: Loopback.ipv4)
            let options = ConnectOptions(socketOptions: [.fastOpenConnect()])
            var texts: [String] = []
            do { _ = try Socket(to: server.localAddress, options: options) } catch {
                texts.append("\(error)")
            }
            do {
                _ = try await Connection(to: server.localAddress, group: group, options: options)
            } catch {
                texts.append("\(error)")
            }
            return texts
        }
        let text =
            "cannot set option fastOpenConnect: operation not supported\n"
            + "    The option needs TCP and the bit 0x1 of net.ipv4.tcp_fastopen."
        #expect(texts == [text, text])
    }
}

@Suite(
    "SocketOption: Multipath TCP", .ownThread,
    .enabled(if: PrivateMachine.isAvailable, "needs root"),
    .enabled(if: access("/proc/sys/net/mptcp", F_OK) == 0, "needs a kernel with Multipath TCP"))
struct MultipathTCPTests {
    private static let on = [
        "ip link set lo up", "echo 1 >/proc/sys/net/mptcp/enabled",
    ]
    private static let off = [
        "ip link set lo up", "echo 0 >/proc/sys/net/mptcp/enabled",
    ]

    @Test(
        "multipathTCP is true if both ends use it, and false otherwise",
        arguments: [IPAddress.v4(.loopback), .v6(.loopback)], [true, false])
    func blocking(ip: IPAddress, isSupported: Bool) throws {
        let outcomes = try PrivateMachine.run(commands: Self.on) {
            let server = try Socket(
                on: SocketAddress(ip, port: 0),
                options: .init(socketOptions: isSupported ? [.multipathTCP] : []))
            let client = try Socket(
                to: server.localAddress, options: .init(socketOptions: [.multipathTCP]))
            let accepted = try server.accept(timeout: .seconds(20))
            try client.send("x")
            let isSame = try accepted.receive() == [0x78]
            return [isSame] + (try [server, client, accepted].map { try $0.option(.multipathTCP) })
        }
        #expect(outcomes == [true, isSupported, isSupported, isSupported])
    }

    @Test(
        "multipathTCP of async sockets is true if both ends use it, and false otherwise",
        arguments: [IPAddress.v4(.loopback), .v6(.loopback)], [true, false])
    func asynchronous(ip: IPAddress, isSupported: Bool) throws {
        let outcomes = try PrivateMachine.runTask(commands: Self.on) { group in
            let listener = try Listener(
                on: SocketAddress(ip, port: 0), group: group,
                options: .init(socketOptions: isSupported ? [.multipathTCP] : []))
            let client = try await Connection(
                to: listener.localAddress, group: group,
                options: .init(socketOptions: [.multipathTCP, .notSentLowWater(16_384)]))
            let accepted = try await listener.accept(timeout: .seconds(20))
            try await client.write("x")
            let isSame = try await accepted.read() == [0x78]
            return [
                isSame, try listener.option(.multipathTCP), try client.option(.multipathTCP),
                try accepted.option(.multipathTCP),
            ]
        }
        #expect(outcomes == [true, isSupported, isSupported, isSupported])
    }

    @Test("a local address works with multipathTCP if the kernel cannot bind it without a port")
    func localAddress() throws {
        let isBound = try PrivateMachine.run(commands: Self.on) {
            let server = try Socket(on: Loopback.ipv4)
            let local = SocketAddress.ipv4(IPv4Address(127, 0, 0, 7), port: 0)
            let options = ConnectOptions(localAddress: local, socketOptions: [.multipathTCP])
            let client = try FaultInjection.during([.setsockopt: [.error(.notSupportedOnSocket)]]) {
                try Socket(to: server.localAddress, options: options)
            }
            return client.localAddress.ip == local.ip
        }
        #expect(isBound)
    }

    @Test("if the machine has turned off multipathTCP, the error names the kernel's setting")
    func turnedOff() throws {
        let texts = try PrivateMachine.runTask(commands: Self.off) { group in
            let options = ConnectOptions(socketOptions: [.multipathTCP])
            let binding = ListenOptions(socketOptions: [.multipathTCP])
            let target = SocketAddress.ipv4(.loopback, port: 9)
            let initializers: [() async throws -> Void] = [
                { _ = try Socket(to: target, options: options) },
                { _ = try await Connection(to: target, group: group, options: options) },
                { _ = try Socket(on: Loopback.ipv4, options: binding) },
                { _ = try Listener(on: Loopback.ipv4, group: group, options: binding) },
            ]
            var texts: [String] = []
            for initializer in initializers {
                do { try await initializer() } catch { texts.append("\(error)") }
            }
            return texts
        }
        let text =
            "cannot set option multipathTCP: protocol not available\n"
            + "    Multipath TCP is turned off; see net.mptcp.enabled."
        #expect(texts == [String](repeating: text, count: 4))
    }

    @Test("the error names multipathTCP if the socket is a datagram or Unix socket")
    func otherSockets() async throws {
        let path = "@" + Loopback.unixPath()
        let options = ConnectOptions(socketOptions: [.multipathTCP])
        let initializers: [() async throws -> Void] = [
            { _ = try Socket(to: .udp("127.0.0.1", port: 9), options: options) },
            { _ = try await DatagramChannel(to: .udp("127.0.0.1", port: 9), options: options) },
            { _ = try Socket(to: .unix(path), options: options) },
            { _ = try await Connection(to: .unix(path), options: options) },
        ]
        for initializer in initializers {
            let error = await #expect(throws: SocketError.self) { try await initializer() }
            #expect(error?.subject == "multipathTCP")
            #expect(error?.errno == .protocolNotSupported)
        }
    }
}
