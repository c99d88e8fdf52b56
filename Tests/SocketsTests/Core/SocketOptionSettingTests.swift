import SystemPackage
import Testing

@testable import Sockets

/// A setting, and the values of its option that a program reads afterwards, as text.
private struct Expectation: Sendable {
    let setting: SocketOptionSetting
    let value: String
    /// The value on a connection that a listener with the setting has accepted.
    let accepted: String
    let read: @Sendable (any ConfigurableSocket) throws -> String

    /// - Parameters:
    ///   - option: The option.
    ///   - setting: The setting in its short form.
    ///   - value: The value on the socket that has the setting.
    ///   - accepted: The value on an accepted connection, or `nil` if it is the same value.
    init<Value>(
        _ option: SocketOption<Value>, _ setting: SocketOptionSetting, reads value: Value,
        accepted: Value? = nil
    ) {
        self.setting = setting
        self.value = String(describing: value)
        self.accepted = String(describing: accepted ?? value)
        read = { String(describing: try $0.option(option)) }
    }

    /// Checks the option of a socket on the private machine, and returns what is wrong.
    func problem(
        _ socket: any ConfigurableSocket, _ name: String, accepted isAccepted: Bool = false
    )
        -> String?
    {
        let expected = isAccepted ? accepted : value
        let found = (try? read(socket)) ?? "an error"
        if found == expected { return nil }
        return "\(name): \(setting.name) is \(found): expected \(expected)"
    }
}

@Suite(
    "SocketOptionSetting", .ownThread, .enabled(if: PrivateMachine.isAvailable, "needs root"))
struct SocketOptionSettingTests {
    private static let commands = [
        "ip link set lo up", "echo 3 >/proc/sys/net/ipv4/tcp_fastopen",
    ]

    private static let addresses = [IPAddress.v4(.loopback), .v6(.loopback)]

    /// The settings of every socket.
    private static let general: [Expectation] = [
        Expectation(.trafficClass, .trafficClass(.af41), reads: TrafficClass(.af41)),
        Expectation(.timeToLive, .timeToLive(9), reads: 9),
        Expectation(.mtuDiscovery, .mtuDiscovery(.always), reads: .always),
        Expectation(.boundInterface, .boundInterface("lo"), reads: "lo"),
        Expectation(.mark, .mark(0x8000_0007), reads: 0x8000_0007),
        Expectation(.priority, .priority(5), reads: 5, accepted: 0),
        Expectation(.freeBind, .freeBind(), reads: true),
        Expectation(.transparent, .transparent(), reads: true),
    ]

    /// The settings of every TCP socket.
    private static let streams: [Expectation] =
        general + [
            Expectation(
                .keepAliveProbes,
                .keepAlive(idle: .seconds(60), interval: .milliseconds(9_500), count: 3),
                reads: KeepAliveProbes(idle: .seconds(60), interval: .seconds(10), count: 3)),
            Expectation(.userTimeout, .userTimeout(.seconds(5)), reads: .seconds(5)),
            Expectation(
                .userTimeout, .userTimeout(.microseconds(1_500)), reads: .milliseconds(2)),
            Expectation(.notSentLowWater, .notSentLowWater(16_384), reads: 16_384),
            Expectation(.congestionControl, .congestionControl("reno"), reads: "reno"),
        ]

    private static let clients: [Expectation] =
        streams + [
            Expectation(.fastOpenConnect, .fastOpenConnect(), reads: true)
        ]

    private static let listeners: [Expectation] =
        streams + [
            Expectation(
                .deferAccept, .deferAccept(.seconds(1)), reads: .seconds(1), accepted: .zero),
            Expectation(.fastOpenBacklog, .fastOpenBacklog(5), reads: 5, accepted: 0),
        ]

    @Test("Socket(to:) sets each option, which can be read back", arguments: addresses)
    func blockingClients(ip: IPAddress) throws {
        let problems = try PrivateMachine.run(commands: Self.commands) {
            let server = try Socket(on: SocketAddress(ip, port: 0))
            return try Self.clients.compactMap { expected in
                let client = try Socket(
                    to: server.localAddress, options: .init(socketOptions: [expected.setting]))
                return expected.problem(client, "client")
            }
        }
        #expect(problems == [])
    }

    @Test("Connection(to:) sets each option, which can be read back", arguments: addresses)
    func asyncClients(ip: IPAddress) throws {
        let problems = try PrivateMachine.runTask(commands: Self.commands) { group in
            let server = try Socket(on: SocketAddress(ip, port: 0))
            var problems: [String] = []
            for expected in Self.clients {
                let client = try await Connection(
                    to: server.localAddress, group: group,
                    options: .init(socketOptions: [expected.setting]))
                if let problem = expected.problem(client, "client") { problems.append(problem) }
            }
            return problems
        }
        #expect(problems == [])
    }

    @Test(
        "Socket(on:) sets each option; accepted sockets inherit some of them", arguments: addresses)
    func blockingListeners(ip: IPAddress) throws {
        let problems = try PrivateMachine.run(commands: Self.commands) {
            try Self.listeners.flatMap { expected in
                let server = try Socket(
                    on: SocketAddress(ip, port: 0),
                    options: .init(socketOptions: [expected.setting]))
                let client = try Socket(to: server.localAddress)
                try client.send("x")
                let accepted = try server.accept(timeout: .seconds(20))
                return [
                    expected.problem(server, "listener"),
                    expected.problem(accepted, "accepted", accepted: true),
                ].compactMap { $0 }
            }
        }
        #expect(problems == [])
    }

    @Test(
        "Listener(on:) sets each option; accepted connections inherit some of them",
        arguments: addresses)
    func asyncListeners(ip: IPAddress) throws {
        let problems = try PrivateMachine.runTask(commands: Self.commands) { group in
            var problems: [String?] = []
            for expected in Self.listeners {
                let listener = try Listener(
                    on: SocketAddress(ip, port: 0), group: group,
                    options: .init(socketOptions: [expected.setting]))
                let client = try await Connection(to: listener.localAddress, group: group)
                try await client.write("x")
                let accepted = try await listener.accept(timeout: .seconds(20))
                problems.append(expected.problem(listener, "listener"))
                problems.append(expected.problem(accepted, "accepted", accepted: true))
            }
            return problems.compactMap { $0 }
        }
        #expect(problems == [])
    }

    @Test(
        "options of datagram sockets and channels can be read back", arguments: addresses)
    func datagrams(ip: IPAddress) throws {
        let problems = try PrivateMachine.runTask(commands: Self.commands) { group in
            var problems: [String?] = []
            for expected in Self.general {
                let local = SocketAddress(ip, port: 0)
                let binding = ListenOptions(socketOptions: [expected.setting])
                let server = try Socket(on: local, type: .datagram, options: binding)
                let channel = try DatagramChannel(on: local, group: group, options: binding)
                let connecting = ConnectOptions(socketOptions: [expected.setting])
                let client = try Socket(
                    to: server.localAddress, type: .datagram, options: connecting)
                let connected = try DatagramChannel(
                    to: server.localAddress, group: group, options: connecting)
                let sockets: [any ConfigurableSocket] = [server, channel, client, connected]
                for (index, socket) in sockets.enumerated() {
                    problems.append(expected.problem(socket, "socket \(index)"))
                }
            }
            return problems.compactMap { $0 }
        }
        #expect(problems == [])
    }

    @Test("if the first addresses of a name refuse, the next attempt has the same options")
    func nextAttempt() throws {
        // Only the third address has a server.
        let hosts = "127.0.0.1 three.test\n127.0.0.2 three.test\n127.0.0.3 three.test\n"
        let marks = try PrivateMachine.runTask(
            files: ["hosts": hosts], commands: Self.commands
        ) { group in
            let server = try Socket(on: .ipv4(IPv4Address(127, 0, 0, 3), port: 0))
            let port = Port(try #require(server.localAddress.port))
            let options = ConnectOptions(socketOptions: [.mark(7)])
            let blocking = try Socket(to: .tcp("three.test", port: port), options: options)
            let inTask = try await Connection(
                to: .tcp("three.test", port: port), group: group, options: options)
            return [try blocking.option(.mark), try inTask.option(.mark)]
        }
        #expect(marks == [7, 7])
    }

    @Test("quickAck is set before connect", arguments: [false, true])
    func quickAck(isOn: Bool) throws {
        // The kernel changes the option when the socket connects or listens, so look before that.
        let socket = try OwnedSocket.unconnected(
            for: .ipv4(.loopback, port: 9), .stream,
            ConnectOptions(socketOptions: [.quickAck(isOn)]))
        let found = try SocketOption.quickAck.get(socket.descriptor.number, .ipv4)
        #expect(found == isOn)
    }

    @Test("blocking and async sockets of the Unix family have the options")
    func unixOptions() async throws {
        let settings: [SocketOptionSetting] = [.mark(7), .priority(5)]
        let (binding, connecting) = (
            ListenOptions(socketOptions: settings), ConnectOptions(socketOptions: settings)
        )
        func path() -> SocketAddress {
            .unix(UnixAddress(path: Loopback.unixPath())!)
        }
        let server = try Socket(on: path(), options: binding)
        let receiver = try Socket(on: path(), type: .datagram, options: binding)
        let sockets: [any ConfigurableSocket] = [
            server, receiver, try Socket(to: server.localAddress, options: connecting),
            try Socket(to: receiver.localAddress, type: .datagram, options: connecting),
            try Listener(on: path(), options: binding),
            try await Connection(to: server.localAddress, options: connecting),
            try DatagramChannel(on: path(), options: binding),
            try DatagramChannel(to: receiver.localAddress, options: connecting),
        ]
        for (index, socket) in sockets.enumerated() {
            #expect(try socket.option(.mark) == 7, "socket \(index)")
            #expect(try socket.option(.priority) == 5, "socket \(index)")
        }
    }

    @Test("each socket of a sharded listener has the options")
    func shards() throws {
        let group = try LoopGroup(loops: 3)
        defer { group.shutdown() }
        let listener = try Listener(
            on: Loopback.ipv4, group: group,
            options: .init(sharded: true, socketOptions: [.mark(7), .userTimeout(.seconds(5))]))
        defer { listener.close() }
        #expect(listener.shards.count == 3)
        for shard in listener.shards {
            let descriptor = shard.source.descriptor
            #expect(try SocketOption.mark.get(descriptor, .ipv4) == 7)
            #expect(try SocketOption.userTimeout.get(descriptor, .ipv4) == .seconds(5))
        }
    }

    @Test("the listing in the article about clients sets its options")
    func listing() throws {
        let found = try PrivateMachine.run(
            commands: ["ip link set lo name eth0", "ip link set eth0 up"]
        ) {
            let server = try Socket(on: Loopback.ipv4)
            let address = server.localAddress

            let options = ConnectOptions(socketOptions: [
                .boundInterface("eth0"), .mark(7), .userTimeout(.seconds(5)),
            ])
            let socket = try Socket(to: address, options: options)

            return [
                try socket.option(.boundInterface) ?? "none", "\(try socket.option(.mark))",
                "\(try socket.option(.userTimeout))",
            ]
        }
        #expect(found == ["eth0", "7", "5.0 seconds"])
    }

    // MARK: Errors

    private static let refused: [(SocketOptionSetting, String)] = [
        (
            .boundInterface("nosuch0"),
            "cannot set option boundInterface to 'nosuch0': no such device\n"
                + "    No interface has that name; the command ip link shows the names."
        ),
        (
            .congestionControl("nosuch"),
            "cannot set option congestionControl to 'nosuch': no such file or directory\n"
                + "    No algorithm has that name; see net.ipv4.tcp_available_congestion_control."
        ),
        (
            .userTimeout(.milliseconds(-1)),
            "cannot set option userTimeout to -1 ms: invalid argument\n"
                + "    The option takes 0 to 2147483647 ms."
        ),
        (
            .keepAlive(idle: .seconds(60), interval: .seconds(10), count: 128),
            "cannot set option keepAliveProbes to idle 60 s, interval 10 s, count 128:"
                + " invalid argument\n"
                + "    The option takes 1 to 32767 s for idle and interval, and 1 to 127 for count."
        ),
        (
            .mtuDiscovery(MTUDiscovery(rawValue: 99)),
            "cannot set option mtuDiscovery to 99: invalid argument\n"
                + "    The option takes the constants of MTUDiscovery."
        ),
        (
            .fastOpenBacklog(-1),
            "cannot set option fastOpenBacklog to -1: invalid argument\n"
                + "    The option takes 0 to 2147483647, before connect."
        ),
        (
            .set(.mtu, to: 1_500), "cannot set option mtu: protocol not available"
        ),
    ]

    @Test(
        "the error of each initializer names the option that the kernel rejects",
        arguments: refused)
    func errors(setting: SocketOptionSetting, text: String) async throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let connecting = ConnectOptions(socketOptions: [setting])
        let binding = ListenOptions(socketOptions: [setting])
        let initializers: [() async throws -> Void] = [
            { _ = try Socket(to: server.localAddress, options: connecting) },
            { _ = try SocketStream(to: .tcp("127.0.0.1", port: 9), options: connecting) },
            { _ = try await Connection(to: server.localAddress, options: connecting) },
            { _ = try Socket(on: Loopback.ipv4, options: binding) },
            { _ = try Listener(on: Loopback.ipv4, options: binding) },
        ]
        for initializer in initializers {
            let error = await #expect(throws: SocketError.self) { try await initializer() }
            #expect(error?.operation == .setOption)
            #expect(error?.subject == setting.name)
            #expect(error?.attempts.isEmpty == true)
            #expect(error?.description == text)
        }
    }

    @Test("the error names a TCP option that is set on a Unix socket")
    func unixSockets() async throws {
        let path = "@" + Loopback.unixPath()
        let server = try Socket(on: .unix(path))
        for setting in [SocketOptionSetting.userTimeout(.seconds(1)), .flowLabel(5)] {
            let options = ConnectOptions(socketOptions: [setting])
            let blocking = #expect(throws: SocketError.self) {
                try Socket(to: server.localAddress, options: options)
            }
            let inTask = await #expect(throws: SocketError.self) {
                try await Connection(to: server.localAddress, options: options)
            }
            for error in [blocking, inTask] {
                #expect(error?.subject == setting.name)
                #expect(error?.errno == .notSupportedOnSocket)
            }
        }
    }

    @Test(
        "a name that the kernel would shorten is not found",
        arguments: ["", "lo\0", "lo\0x", String(repeating: "l", count: 16)])
    func shortenedNames(name: String) throws {
        let socket = try Socket(.ipv4, .stream)
        let interface = #expect(throws: SocketError.self) {
            try socket.setOption(.boundInterface, to: name)
        }
        #expect(interface?.errno == .operationNotSupportedByDevice)
        let beginning = "cannot set option boundInterface to \(TerminalText.quoted(name)): "
        #expect(interface?.description.hasPrefix(beginning) == true)
        let algorithm = #expect(throws: SocketError.self) {
            try socket.setOption(.congestionControl, to: name)
        }
        #expect(algorithm?.errno == .noSuchFileOrDirectory)
        #expect(try socket.option(.boundInterface) == nil)
    }

    @Test("if an option requires a privilege, the error names the capability")
    func privileges() throws {
        let texts = try PrivateMachine.run(commands: Self.commands) {
            let server = try Socket(on: .tcp("127.0.0.1", port: 0))
            try PrivateMachine.dropCapabilities()
            let settings: [SocketOptionSetting] = [.mark(7), .priority(7), .transparent()]
            return settings.map { setting in
                do {
                    _ = try Socket(
                        to: server.localAddress, options: .init(socketOptions: [setting]))
                    return "\(setting.name) was set"
                } catch {
                    return "\(error)"
                }
            }
        }
        #expect(
            texts == [
                "cannot set option mark to 7: operation not permitted\n"
                    + "    The option requires CAP_NET_ADMIN.",
                "cannot set option priority to 7: operation not permitted\n"
                    + "    The option requires CAP_NET_ADMIN for values outside 0 to 6.",
                "cannot set option transparent: operation not permitted\n"
                    + "    The option requires CAP_NET_ADMIN or CAP_NET_RAW.",
            ])
    }
}
