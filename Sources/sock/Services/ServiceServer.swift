import Sockets

/// A server that runs one of the classic services on TCP and UDP, with tasks on a few event loops.
///
/// Each address has one listener, whose clients are spread over the loops. Without TLS, it also has
/// one datagram channel.
struct ServiceServer: Sendable {
    private let service: ClassicService
    private let listeners: [Listener]
    private let channels: [DatagramChannel]
    private let tls: TLSServer?
    private let isVerbose: Bool

    /// How long connected clients may take to finish after the server was stopped.
    private static let gracePeriod = Duration.seconds(1)

    /// Adopts the sockets.
    ///
    /// Announce the addresses only after this call. The kernel does not record the destination
    /// address of a datagram that arrived earlier, so the reply to it could have another source
    /// address.
    ///
    /// - Throws: A `SocketError` if a socket cannot be adopted.
    init(
        _ service: ClassicService, _ sockets: [ServiceSockets], on group: LoopGroup,
        _ tls: TLSServer? = nil, isVerbose: Bool
    ) throws(SocketError) {
        self.service = service
        self.tls = tls
        self.isVerbose = isVerbose
        var listeners: [Listener] = []
        var channels: [DatagramChannel] = []
        for pair in sockets {
            listeners.append(try Listener(adopting: pair.listener, group: group))
            if let datagrams = pair.datagrams {
                channels.append(try DatagramChannel(adopting: datagrams, group: group))
            }
        }
        self.listeners = listeners
        self.channels = channels
    }

    /// The addresses of the listeners and channels.
    var addresses: [SocketAddress] { listeners.map(\.localAddress) }

    /// Serves until the task is cancelled, and then gives connected clients up to 1 s to finish.
    ///
    /// - Throws: A `SocketError` if a listener fails.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for listener in listeners {
                tasks.addTask {
                    try await listener.serve(
                        options: ServeOptions(
                            gracePeriod: Self.gracePeriod, logger: ServerLogHandler.logger)
                    ) {
                        await serve($0)
                    }
                }
            }
            for channel in channels { tasks.addTask { await reply(toDatagramsOf: channel) } }
            try await tasks.waitForAll()
        }
    }
}

extension ServiceServer {
    private func serve(_ client: Connection) async {
        Log.connection(from: client.remoteAddress, if: isVerbose)
        do {
            try await tls?.start(on: client)
            try await service.serve(client)
        } catch {
            // Do not report an error that occurs because the stopped server cancels or closes its
            // connections.
            let isEnd = (error as? SocketError)?.isEndOfService ?? false
            if isVerbose, !isEnd { Log.message(Failure(any: error).message) }
        }
    }

    private func reply(toDatagramsOf channel: DatagramChannel) async {
        var count = 0
        while true {
            do throws(SocketError) {
                let datagram = try await channel.receive()
                guard let port = datagram.sender.port,
                    !ClassicService.reflectingPorts.contains(port)
                else { continue }
                let reply = service.reply(
                    to: datagram.bytes, seconds: Environment.secondsSince1970, count: count)
                guard let reply else { continue }
                count += 1
                try await channel.reply(to: datagram, with: reply)
            } catch {
                guard !error.isEndOfService else { return }
                if isVerbose { Log.message(error.firstLine) }
                // Receiving fails if the kernel is out of memory, so pause before the next attempt.
                if error.operation == .receive {
                    try? await Task.sleep(for: .milliseconds(50))
                }
            }
        }
    }
}

extension SocketError {
    /// A Boolean value that indicates whether the error means only that the server was stopped.
    fileprivate var isEndOfService: Bool { cause == .cancelled || cause == .closed }
}
