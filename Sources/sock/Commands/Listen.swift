import ArgumentParser
import Sockets

/// `sock -l PORT`: the same as connecting, from the other end.
struct Listen: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Wait for a caller; standard input goes there, and what comes to standard output.",
        usage: """
            sock -l [flags] [ADDR] PORT
            sock -l [flags] -p PORT [ADDR]
            sock -l [flags] -U PATH
            """,
        discussion: """
            Without ADDR on every interface, IPv4 and IPv6. Port 0 takes a free one, which is \
            told on standard error. One caller is all, unless -k keeps listening: then the \
            input goes to every caller present, at the pace of the slowest; one who takes none \
            of it for 10 s while others wait for more is hung up on. With -u every sender is \
            answered.
            """)

    @OptionGroup var addresses: AddressOptions
    @OptionGroup var transport: TransportOptions
    @OptionGroup var limits: LimitOptions

    @Flag(name: .shortAndLong, help: "Keep listening: many callers, at once and one after another.")
    var keepOpen = false

    @Argument(help: .hidden)
    var target: [String] = []

    func run() throws {
        let endpoint = try Target.toListen(
            target, port: transport.port, source: transport.source, udp: transport.udp,
            unix: transport.unix)
        let plan = RelayPlan(
            silence: try limits.limit(), quitAfter: try limits.quit(),
            isVerbose: transport.verbose, showsStatus: transport.status)
        if keepOpen, !endpoint.isDatagram, plan.quitAfter != nil {
            throw UsageError("-q ends sock some time after its input, and -k keeps it: not both")
        }
        let family = try addresses.family()
        if addresses.numeric, let host = endpoint.host, !host.isEmpty {
            _ = try Resolver.resolve(endpoint, family: family, numericOnly: true, passive: true)
        }
        if endpoint.isDatagram {
            try listen(toDatagramsOn: endpoint, family, plan)
        } else {
            try listen(toStreamsOn: endpoint, family, plan)
        }
    }

    private func listen(
        toDatagramsOn endpoint: Endpoint, _ family: AddressFamily?, _ plan: RelayPlan
    ) throws {
        let socket = try Socket(on: endpoint, options: .init(family: family))
        // First: whoever reads that we listen may stop us at once.
        Signals.whenToldToStop(answer: StatusLine.answer) { Self.stop(socket) }
        announce(socket, endpoint)
        try DatagramListener(socket, plan).run()
        socket.close()
    }

    private func listen(
        toStreamsOn endpoint: Endpoint, _ family: AddressFamily?, _ plan: RelayPlan
    ) throws {
        let listener = try Socket(on: endpoint, options: .init(family: family))
        if keepOpen { return try keepListening(listener, endpoint, plan) }
        // First: whoever reads that we listen may stop us at once.
        Signals.whenToldToStop(answer: StatusLine.answer) { Self.stop(listener) }
        announce(listener, endpoint)

        let caller: Socket
        do throws(SocketError) {
            caller = try listener.accept()
        } catch {
            // Told to stop: the other thread ends the program.
            guard error.cause != .closed else { return }
            throw error
        }
        // One caller is all: the next one is refused, and the socket file is gone.
        listener.close()
        Report.arrival(of: caller.remoteAddress, if: plan.isVerbose)
        try StreamRelay(caller, plan).run()
    }

    /// Many callers are served by tasks; two threads see to standard input and output.
    private func keepListening(
        _ listener: Socket, _ endpoint: Endpoint, _ plan: RelayPlan
    ) throws {
        Environment.raiseDescriptorLimit()
        let server = ServerTask()
        Signals.whenToldToStop(answer: StatusLine.answer) { server.stop() }
        let (input, output) = (try InputFeed(), try OutputQueue())
        let callers = CallerGroup(plan, input, output)
        let isTold = isTold(endpoint)
        try server.run(loops: 1) { group in
            Report.listening(on: listener.localAddress, if: isTold)
            try await callers.run(Listener(adopting: listener, group: group))
        }
        output.finish()
    }

    /// Closing removes a socket file; the kernel still delivers what it has accepted.
    private static func stop(_ socket: Socket) {
        socket.close()
        Environment.exit(.success)
    }

    private func announce(_ socket: Socket, _ endpoint: Endpoint) {
        Report.listening(on: socket.localAddress, if: isTold(endpoint))
    }

    private func isTold(_ endpoint: Endpoint) -> Bool {
        transport.verbose || endpoint.port?.number == 0
    }
}
