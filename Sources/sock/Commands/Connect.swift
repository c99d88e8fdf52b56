import Sockets

/// The command `sock HOST PORT`, which sends standard input to a peer and writes the received bytes
/// to standard output.
struct Connect: Command {
    static let usage = [
        "sock [flags] HOST PORT",
        "sock [flags] HOST:PORT | tcp://HOST:PORT | udp://HOST:PORT | tls://HOST:PORT | unix:PATH",
        "sock [flags] -U PATH",
    ]
    static let summary = "connect to HOST PORT, HOST:PORT or a URL"
    static let details = """
        Connects to a peer, sends standard input to it, and writes the received bytes to standard \
        output. sock receives until the peer closes. When the input has ended and the peer has sent \
        nothing for 1 s, sock half-closes the connection: servers that stop at a half-close answer \
        first, and servers that wait for it get it. Scripts use -N, which half-closes at once. Input \
        that is empty from the start (</dev/null) never half-closes. With -u, each read of the input \
        is one datagram, and sock ends when nothing has arrived for 1 s (or -w) after the end of \
        input. With --tls, sock verifies the certificate of the server: its issuers, the name, the \
        dates and the purpose. A host named like a command: sock connect info 80.
        """

    private let endpoint: Endpoint
    private let connector: Connector
    private let options: RelayOptions
    private let sendsNothing: Bool

    init(_ arguments: Arguments) throws(UsageError) {
        var words = arguments.operands
        let interface =
            arguments.has(.unix) ? nil : MulticastGroup.takeInterface(from: &words)
        endpoint = try Target.toConnect(
            words, udp: arguments.has(.udp), unix: arguments.has(.unix),
            escaped: arguments.escapedWords)
        try arguments.checkDatagramFlags(for: endpoint)
        var connector = try Connector(arguments, to: endpoint)
        connector.interface = interface
        self.connector = connector
        options = try RelayOptions(arguments)
        sendsNothing = arguments.has(.zero)
    }

    func run() throws {
        do {
            try connect()
        } catch {
            let failure = withSpelling(Failure(any: error))
            let showsReason = options.isVerbose || !sendsNothing
            // Print nothing about a closed port, like nc, so that a loop can probe the port
            // silently until it is open.
            let isClosed = [.unreachable, .timedOut, .receiveFailed].contains(failure.status)
            throw isClosed && !showsReason ? Failure.silent(failure.status) : failure
        }
    }

    /// Returns the failure, with advice if the host is unknown and similar to a command.
    private func withSpelling(_ failure: Failure) -> Failure {
        guard [.usage, .nameNotResolved].contains(failure.status), let host = endpoint.host,
            Subcommand(rawValue: host) == nil, let command = Subcommand.similar(to: host)
        else { return failure }
        return Failure(
            failure.status, failure.message, hint: "Did you mean sock \(command.rawValue)?")
    }

    private func connect() throws {
        Signals.onStatusRequest(StatusLine.reportNow)
        if endpoint.isDatagram {
            let socket = try connector.connectDatagrams(to: endpoint)
            logConnection(socket.current)
            return sendsNothing ? try probe(socket) : try DatagramRelay(socket, options).run()
        }
        let isConnected = Monitor(false)
        if StandardStreams.error.isTerminal { announceSlowAttempt(until: isConnected) }
        defer { isConnected.update { $0 = true } }
        let socket = try connector.connect(to: endpoint)
        isConnected.update { $0 = true }
        logConnection(socket)
        if sendsNothing { return socket.close() }
        try StreamRelay(socket, options).run()
    }

    /// Writes a message if the connection is not established after 1 s.
    private func announceSlowAttempt(until isConnected: Monitor<Bool>) {
        Worker.start { [endpoint] in
            if !isConnected.wait(atMost: .seconds(1), until: { $0 }) {
                Log.message("trying \(endpoint)...")
            }
        }
    }

    private func logConnection(_ socket: Socket) {
        guard sendsNothing ? options.isVerbose : options.reportsConnections else { return }
        let isVerified = connector.tls?.isInsecure != true || connector.tls?.pin != nil
        let tls = socket.tls.map { ", with \($0.brief)\(isVerified ? "" : ", not verified")" } ?? ""
        Log.message(
            "connected to \(socket.remoteAddress.nameOfPeer) from \(socket.localAddress)\(tls)")
    }

    /// Probes a UDP port for `-z -u`: sends a datagram of one byte, as nc does, and waits for a
    /// reply.
    ///
    /// A closed UDP port is noticed only when it refuses a datagram.
    private func probe(_ socket: FailoverSocket) throws {
        var buffer = [UInt8](repeating: 0, count: DatagramRelay.largestDatagram)
        try socket.send(Array("X".utf8)[...])
        do throws(SocketError) {
            _ = try socket.receive(into: &buffer, timeout: TimeLimit(options.replyTimeout))
        } catch {
            guard case .timedOut = error.cause else { throw error }
            throw Failure(
                .timedOut,
                "cannot receive from \(socket.current.remoteAddress.nameOfPeer): no reply in"
                    + " \(options.replyTimeout.brief)",
                hint: "The server may be running but not answer the datagram \"X\".")
        }
    }
}
