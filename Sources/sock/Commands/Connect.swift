import Sockets

/// The command `sock HOST PORT`, which sends standard input to a peer and writes the received bytes
/// to standard output.
struct Connect: Command {
    static let usage = [
        "sock [flags] HOST PORT",
        "sock [flags] HOST:PORT | tcp://HOST:PORT | udp://HOST:PORT | unix:PATH",
        "sock [flags] -U PATH",
    ]
    static let summary = "connect to HOST PORT, HOST:PORT or a URL"
    static let details = """
        Connects to a peer, sends standard input to it, and writes the received bytes to standard \
        output. The end of input half-closes the connection, and sock receives until the peer \
        closes. With -u, each read of the input, of at most 8 KiB, is one datagram, and sock ends \
        when nothing has arrived for 1 s (or -w) after the end of input.
        """

    private let endpoint: Endpoint
    private let connector: Connector
    private let options: RelayOptions
    private let sendsNothing: Bool

    init(_ arguments: Arguments) throws(UsageError) {
        endpoint = try Target.toConnect(
            arguments.operands, udp: arguments.has(.udp), unix: arguments.has(.unix))
        connector = try Connector(arguments, to: endpoint)
        options = try RelayOptions(arguments)
        sendsNothing = arguments.has(.zero)
    }

    func run() throws {
        Signals.onStatusRequest(StatusLine.reportNow)
        if endpoint.isDatagram {
            let socket = try connector.connectDatagrams(to: endpoint)
            logConnection(socket.current)
            return sendsNothing ? try probe(socket) : try DatagramRelay(socket, options).run()
        }
        let socket = try connector.connect(to: endpoint)
        logConnection(socket)
        if sendsNothing { return socket.close() }
        try StreamRelay(socket, options).run()
    }

    private func logConnection(_ socket: Socket) {
        guard options.isVerbose else { return }
        Log.message("connected to \(socket.peerName) from \(socket.localAddress)")
    }

    /// Sends an empty datagram (`-z` with `-u`), because a closed UDP port is noticed only when it
    /// refuses a datagram.
    private func probe(_ socket: FailoverSocket) throws {
        var buffer = [UInt8](repeating: 0, count: DatagramRelay.largestDatagram)
        try socket.send([])
        do throws(SocketError) {
            _ = try socket.receive(into: &buffer, timeout: TimeLimit(options.replyTimeout))
        } catch {
            guard case .timedOut = error.cause else { throw error }
            throw Failure(
                .timedOut,
                "cannot receive from \(socket.current.peerName): no reply in"
                    + " \(options.replyTimeout.brief)",
                hint: "The server may be running but ignore empty datagrams.")
        }
    }
}
