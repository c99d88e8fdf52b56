import Sockets

/// Serves one of the classic services on TCP and UDP at once, with tasks on a few event loops.
///
/// Each address has one listener, whose callers are spread over the loops, and one channel.
struct ServiceHost: Sendable {
    private let service: ClassicService
    private let listeners: [Listener]
    private let channels: [DatagramChannel]
    private let isVerbose: Bool

    /// How long callers who are being served may take to finish when the server is told to stop.
    private static let grace = Duration.seconds(1)

    /// Takes over the sockets. Nobody should be told of them before: of a datagram that came earlier
    /// the kernel does not know any more to which address of this machine it came, and the answer
    /// would leave from another.
    ///
    /// - Throws: as `Listener` and `DatagramChannel` do when they adopt a socket.
    init(
        _ service: ClassicService, _ sockets: [ServiceSockets], on group: LoopGroup,
        isVerbose: Bool
    ) throws(SocketError) {
        self.service = service
        self.isVerbose = isVerbose
        var listeners: [Listener] = []
        var channels: [DatagramChannel] = []
        for pair in sockets {
            listeners.append(try Listener(adopting: pair.listener, group: group))
            channels.append(try DatagramChannel(adopting: pair.datagrams, group: group))
        }
        self.listeners = listeners
        self.channels = channels
    }

    /// Where callers and datagrams are awaited.
    var addresses: [SocketAddress] { listeners.map(\.localAddress) }

    /// Serves until the task is cancelled; then waits a moment for the callers who are being served.
    ///
    /// - Throws: `SocketError` if one of the listeners is broken.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for listener in listeners {
                tasks.addTask {
                    try await listener.serve(
                        options: ServeOptions(gracePeriod: Self.grace, logger: ReportLog.logger)
                    ) {
                        await serve($0)
                    }
                }
            }
            for channel in channels { tasks.addTask { await answerDatagrams(of: channel) } }
            try await tasks.waitForAll()
        }
    }
}

extension ServiceHost {
    private func serve(_ caller: Connection) async {
        Report.arrival(of: caller.remoteAddress, if: isVerbose)
        do {
            try await service.serve(caller)
        } catch {
            // A caller who hangs up is the ordinary end of most of these services.
            let isOver = (error as? SocketError)?.isEndOfService ?? false
            if isVerbose, !isOver { Report.note((error as? SocketError)?.firstLine ?? "\(error)") }
        }
    }

    private func answerDatagrams(of channel: DatagramChannel) async {
        var turn = 0
        while true {
            do throws(SocketError) {
                let datagram = try await channel.receive()
                guard let port = datagram.sender.port,
                    !ClassicService.reflectingPorts.contains(port)
                else { continue }
                let answer = service.answer(
                    to: datagram.bytes, seconds: Environment.secondsSince1970, turn: turn)
                guard let answer else { continue }
                turn += 1
                try await channel.reply(to: datagram, with: answer)
            } catch {
                guard !error.isEndOfService else { return }
                if isVerbose { Report.note("\(error)") }
                // Receiving fails when the kernel has no memory: no reason to end, nor to hurry.
                if error.operation == .receive {
                    try? await Task.sleep(for: .milliseconds(50))
                }
            }
        }
    }
}

extension SocketError {
    /// Whether it says that the server was told to stop.
    fileprivate var isEndOfService: Bool { cause == .cancelled || cause == .closed }
}
