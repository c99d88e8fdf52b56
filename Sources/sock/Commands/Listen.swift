import Sockets

/// The command `sock -l PORT`, which waits for clients, sends them standard input, and writes the
/// received bytes to standard output.
struct Listen: Command {
    static let usage = [
        "sock -l [flags] [ADDR] PORT",
        "sock -l [flags] -p PORT [ADDR]",
        "sock -l [flags] -U PATH",
    ]
    static let summary = "listen; port 0 picks a free port"
    static let details = """
        Waits for a client, sends standard input to it, and writes the received bytes to standard \
        output. Without ADDR, it listens on every interface, for IPv4 and IPv6; a name means all \
        its addresses. Port 0 picks a free port and prints it on standard error. sock ends after \
        one client. With -k, it keeps listening and sends the input to every connected client, at \
        the pace of the slowest. It disconnects a client that reads nothing for 10 s while others \
        wait for more. After the end of input, later clients receive nothing. -w begins when a \
        client has connected. After -q, the client has 2 s to close. With -u, it replies to every \
        sender, from the address that the datagram was sent to, and ADDR may be a multicast \
        group, such as 239.1.1.1%eth0. With --tls and without --cert, it creates a self-signed \
        certificate and prints its fingerprint, which clients check with --pin.
        """

    private let endpoint: Endpoint
    /// The interface on which to join a multicast group of IPv4; nil if none was named.
    private let interface: String?
    private let family: AddressFamily?
    private let isBroadcast: Bool
    private let isNumeric: Bool
    private let keepsOpen: Bool
    private let tls: TLSFlags?
    private let options: RelayOptions

    init(_ arguments: Arguments) throws(UsageError) {
        var words = arguments.operands
        var sources = [arguments[.source]].compactMap(\.self)
        interface =
            arguments.has(.unix)
            ? nil
            : MulticastGroup.takeInterface(from: &words)
                ?? MulticastGroup.takeInterface(from: &sources)
        let endpoint = try Target.toListen(
            words, port: arguments[.port], source: sources.first,
            udp: arguments.has(.udp), unix: arguments.has(.unix), escaped: arguments.escapedWords)
        family = try arguments.family()
        // As with nc, :: means every interface and both families.
        self.endpoint = family == nil ? endpoint.listeningOnBothFamilies : endpoint
        isBroadcast = arguments.has(.broadcast)
        isNumeric = arguments.has(.numeric)
        keepsOpen = arguments.has(.keepOpen)
        tls = try TLSFlags(arguments, for: endpoint)
        options = try RelayOptions(arguments)
        if keepsOpen, !endpoint.isDatagram, options.quitAfter != nil {
            throw UsageError(
                "-k and -q cannot be combined, because -k keeps listening and -q ends sock")
        }
        try arguments.checkDatagramFlags(for: endpoint)
        if !endpoint.isDatagram, let group = MulticastGroup(endpoint, interface: interface) {
            throw group.needsUDP()
        }
    }

    func run() throws {
        try endpoint.checkHost(family, interface: interface)
        if isNumeric, let host = endpoint.host, !host.isEmpty {
            _ = try Resolver.resolve(endpoint, family: family, numericOnly: true, forBinding: true)
        }
        do {
            try endpoint.isDatagram ? receiveDatagrams() : acceptStreams()
        } catch let error as SocketError {
            throw explained(error)
        }
    }

    /// Opens a socket on each address of the host.
    private func open(_ options: ListenOptions) throws -> [Socket] {
        let endpoints = try LocalEndpoints(of: endpoint, family: family)
        if !endpoint.isDatagram, let group = endpoints.group {
            throw group.needsUDP(writtenAs: endpoint.host)
        }
        return try endpoints.open(
            port: \.localAddress.port,
            skipped: { if announces { Log.skipped($0, $1) } },
            { endpoint throws(SocketError) in
                var options = options
                // With SO_REUSEADDR, several programs on this machine can receive the datagrams of
                // a group. SO_REUSEPORT is no alternative, because with it the kernel may pass a
                // datagram to a socket that has joined the group on another interface.
                if MulticastGroup(endpoint, interface: nil) != nil {
                    options.socketOptions.append(.set(.reuseAddress, to: true))
                }
                return try Socket(on: endpoint, options: options)
            })
    }

    /// Returns the failure, with advice if the only operand is probably an address and not a
    /// service.
    private func explained(_ error: SocketError) -> Failure {
        let failure = Failure(error)
        guard case .unknownService(let name, _) = error.cause, endpoint.host == "" else {
            return failure
        }
        return Failure(
            failure.status, failure.message,
            hint: "If it is an address, add a port: sock -l \(TerminalText.escaped(name)) 8080.")
    }

    private func receiveDatagrams() throws {
        var listenOptions = ListenOptions(family: family)
        if isBroadcast { listenOptions.socketOptions = [.set(.broadcast, to: true)] }
        let sockets = try open(listenOptions)
        for socket in sockets { try group(of: socket)?.join(socket) }
        endWhenRequested(closing: sockets)
        try DatagramListener(sockets, options).run()
        for socket in sockets { socket.close() }
    }

    /// Returns the multicast group that the endpoint names, or else the group to which the socket
    /// is bound; nil if there is neither.
    private func group(of socket: Socket) -> MulticastGroup? {
        MulticastGroup(endpoint, interface: interface) ?? MulticastGroup(of: socket)
    }

    private func acceptStreams() throws {
        let server = try tls?.server(on: endpoint.host)
        let listeners = try open(ListenOptions(family: family))
        if keepsOpen { return try serveClients(of: listeners, server) }
        let relay = Monitor<StreamRelay?>(nil)
        endWhenRequested(closing: listeners, server) {
            guard let relay = relay.update({ $0 }) else { Termination.exit(.success) }
            relay.stop()
        }

        let client: Socket
        do {
            client = try Self.acceptFirst(of: listeners)
        } catch let error as SocketError where error.cause == .closed {
            // A signal closes the listeners to end the program, so this is not an error.
            Termination.exit(.success)
        }
        // Closing the listeners refuses further clients and removes the socket file.
        for listener in listeners { listener.close() }
        Log.connection(from: client.remoteAddress, if: options.reportsConnections)
        try server?.start(on: client)
        let newRelay = StreamRelay(client, options, lingers: true)
        relay.update { $0 = newRelay }
        try newRelay.run()
    }

    /// Waits until a client connects to any of the listeners, and returns its connection.
    private static func acceptFirst(of listeners: [Socket]) throws -> Socket {
        let first = listeners[0]
        let other = Monitor<Result<Socket, any Error>?>(nil)
        for listener in listeners.dropFirst() {
            try Worker.startOrThrow {
                let result = Result { try listener.accept() }
                other.update { $0 = $0 ?? result }
                // Closing the first listener wakes the calling thread, which waits in accept.
                first.close()
            }
        }
        do {
            return try first.accept()
        } catch {
            guard let result = other.update({ $0 }) else { throw error }
            return try result.get()
        }
    }

    /// Serves many clients with tasks, while two threads read standard input and write standard
    /// output.
    private func serveClients(of listeners: [Socket], _ tls: TLSServer?) throws {
        Environment.raiseDescriptorLimit()
        let server = ServerTask()
        // Closing the listeners removes the socket file.
        for listener in listeners { Termination.cleanUp(listener.close) }
        Signals.onTermination(within: .milliseconds(900), status: StatusLine.reportNow) {
            server.stop()
        }
        let (input, output) = (try InputReader(), try OutputQueue())
        let clients = try ClientGroup(options, input, output, tls)
        announce(listeners, tls)
        try server.run(loops: 1) { group in
            var adopted: [Listener] = []
            for listener in listeners {
                let listener = try Listener(adopting: listener, group: group)
                Termination.cleanUp(listener.close)
                adopted.append(listener)
            }
            try await clients.run(adopted)
        }
        // The last bytes must be written within 500 ms after the signal. Disconnecting clients
        // whose bytes were not read may already have taken some of that time.
        let limit = Termination.timeSinceRequest.map { max(.zero, .milliseconds(500) - $0) }
        let lost = output.finish(atMost: limit)
        guard lost > 0 else { return }
        Log.message(
            "standard output is blocked, so it did not receive the last"
                + " \(TransferText.amount(lost))")
    }

    /// Prepares for signals and then announces the address.
    ///
    /// The order matters, because a signal may arrive as soon as the address is printed.
    ///
    /// After the first signal, `stop` runs on a separate thread, and the program ends within 1 s.
    private func endWhenRequested(
        closing sockets: [Socket], _ tls: TLSServer? = nil,
        _ stop: @escaping @Sendable () -> Void = { Termination.exit(.success) }
    ) {
        // Closing removes the socket file. The kernel still sends the bytes that were already
        // written.
        for socket in sockets { Termination.cleanUp(socket.close) }
        Signals.onTermination(within: .milliseconds(900), status: StatusLine.reportNow, stop)
        announce(sockets, tls)
    }

    private func announce(_ sockets: [Socket], _ tls: TLSServer?) {
        if let tls {
            Log.announce(tls.announcement, if: announces || self.tls?.certificateFile == nil)
        }
        for socket in sockets {
            Log.announceListening(on: socket.localAddress, detail(of: socket), if: announces)
        }
    }

    /// A Boolean value that indicates whether to report the addresses.
    private var announces: Bool { options.reportsConnections || endpoint.port?.number == 0 }

    /// Returns the multicast group, or "IPv6 only" for an IPv6 socket on every interface, and
    /// otherwise an empty string.
    private func detail(of socket: Socket) -> String {
        if endpoint.isDatagram, let group = group(of: socket) { return group.detail }
        let isEvery = endpoint.host == "" || endpoint.host == "::"
        return family == .ipv6 && isEvery ? "IPv6 only" : ""
    }
}
