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
        output. Without ADDR, it listens on every interface, for IPv4 and IPv6. Port 0 picks a \
        free port and prints it on standard error. sock ends after one client. With -k, it keeps \
        listening and sends the input to every connected client, at the pace of the slowest. It \
        disconnects a client that reads nothing for 10 s while others wait for more. After the \
        end of input, later clients receive nothing. -w begins when a client has connected. With -u, \
        it replies to every sender.
        """

    private let endpoint: Endpoint
    private let family: AddressFamily?
    private let isBroadcast: Bool
    private let isNumeric: Bool
    private let keepsOpen: Bool
    private let options: RelayOptions

    init(_ arguments: Arguments) throws(UsageError) {
        let endpoint = try Target.toListen(
            arguments.operands, port: arguments[.port], source: arguments[.source],
            udp: arguments.has(.udp), unix: arguments.has(.unix), escaped: arguments.escapedWords)
        family = try arguments.family()
        // As with nc, :: is every interface and both families.
        self.endpoint = family == nil ? endpoint.listeningOnBothFamilies : endpoint
        isBroadcast = arguments.has(.broadcast)
        isNumeric = arguments.has(.numeric)
        keepsOpen = arguments.has(.keepOpen)
        options = try RelayOptions(arguments)
        if keepsOpen, !endpoint.isDatagram, options.quitAfter != nil {
            throw UsageError(
                "-k and -q cannot be combined, because -k keeps listening and -q ends sock")
        }
    }

    func run() throws {
        try endpoint.checkFamily(family)
        if isNumeric, let host = endpoint.host, !host.isEmpty {
            _ = try Resolver.resolve(endpoint, family: family, numericOnly: true, forBinding: true)
        }
        if endpoint.isDatagram {
            try receiveDatagrams()
        } else {
            try acceptStreams()
        }
    }

    private func receiveDatagrams() throws {
        let settings = isBroadcast ? [SocketOptionSetting.set(.broadcast, to: true)] : []
        let socket = try Socket(
            on: endpoint, options: .init(family: family, socketOptions: settings))
        endWhenRequested(closing: socket)
        try DatagramListener(socket, options).run()
        socket.close()
    }

    private func acceptStreams() throws {
        let listener = try Socket(on: endpoint, options: .init(family: family))
        if keepsOpen { return try serveClients(of: listener) }
        endWhenRequested(closing: listener)

        let client: Socket
        do throws(SocketError) {
            client = try listener.accept()
        } catch {
            // A signal closes the listener to end the program, so this is not an error.
            guard error.cause != .closed else { Termination.exit(.success) }
            throw error
        }
        // Closing the listener refuses further clients and removes the socket file.
        listener.close()
        Log.connection(from: client.remoteAddress, if: options.reportsConnections)
        try StreamRelay(client, options).run()
    }

    /// Serves many clients with tasks, while two threads read standard input and write standard
    /// output.
    private func serveClients(of listener: Socket) throws {
        Environment.raiseDescriptorLimit()
        let server = ServerTask()
        // Closing the listener removes the socket file.
        Termination.cleanUp(listener.close)
        Signals.onTermination(within: .milliseconds(900), status: StatusLine.reportNow) {
            server.stop()
        }
        let (input, output) = (try InputReader(), try OutputQueue())
        let clients = try ClientGroup(options, input, output)
        let (announces, detail) = (announces, detail)
        try server.run(loops: 1) { group in
            Log.announceListening(on: listener.localAddress, detail, if: announces)
            let listener = try Listener(adopting: listener, group: group)
            Termination.cleanUp(listener.close)
            try await clients.run(listener)
        }
        let limit: Duration? = Termination.isRequested ? .milliseconds(500) : nil
        let lost = output.finish(atMost: limit)
        guard lost > 0 else { return }
        Log.message("\(lost.bytes) were not written to standard output, which is blocked")
    }

    /// Prepares for signals and then announces the address.
    ///
    /// The order matters, because a signal may arrive as soon as the address is printed.
    private func endWhenRequested(closing socket: Socket) {
        // Closing removes the socket file. The kernel still delivers the bytes that it has accepted
        // from us.
        Termination.cleanUp(socket.close)
        Signals.onTermination(within: .milliseconds(900), status: StatusLine.reportNow) {
            Termination.exit(.success)
        }
        Log.announceListening(on: socket.localAddress, detail, if: announces)
    }

    /// What distinguishes a socket for one family from one for both.
    private var detail: String {
        let isEvery = endpoint.host == "" || endpoint.host == "::"
        return family == .ipv6 && isEvery ? "IPv6 only" : ""
    }

    private var announces: Bool { options.reportsConnections || endpoint.port?.number == 0 }
}
