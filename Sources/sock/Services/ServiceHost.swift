import Sockets

/// Serves one of the classic services on TCP and UDP at once, with tasks on a few event loops.
///
/// Each address has one listener, whose callers are spread over the loops, and one channel.
struct ServiceHost: Sendable {
    private let service: ClassicService
    private let sockets: [ServiceSockets]
    private let isVerbose: Bool

    /// How long callers who are being served may take to finish when the server is told to stop.
    private static let grace = Duration.seconds(1)

    init(_ service: ClassicService, _ sockets: [ServiceSockets], isVerbose: Bool) {
        self.service = service
        self.sockets = sockets
        self.isVerbose = isVerbose
    }

    /// Serves until the task is cancelled; then waits a moment for the callers who are being served.
    ///
    /// - Throws: `SocketError` if one of the sockets cannot be used, or is broken.
    func run(on group: EventLoopGroup) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for (number, pair) in sockets.enumerated() {
                let listener = try Listener(adopting: pair.listener, group: group)
                tasks.addTask {
                    try await listener.serve(grace: Self.grace, logger: ReportLog.logger) {
                        await serve($0)
                    }
                }
                // A channel belongs to the loop on which it is made.
                let loop = group.loops[number % group.loops.count]
                tasks.addTask(executorPreference: loop) {
                    let channel = try DatagramChannel(adopting: pair.datagrams, group: group)
                    await answerDatagrams(of: channel)
                }
            }
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
            if isVerbose, !isOver { Report.note("\(error)") }
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
