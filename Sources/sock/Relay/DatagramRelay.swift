import Sockets

/// A relay that sends standard input as datagrams to one peer, and writes the received datagrams to
/// standard output.
///
/// Each read of the input, of at most 8 KiB, is one datagram. A UDP peer cannot signal that it has
/// finished. So the relay ends when nothing has arrived for 1 s (or `-w`) after the end of input.
/// The relay succeeds if it has received a reply, and otherwise fails with a timeout.
final class DatagramRelay: Sendable {
    private let socket: FailoverSocket
    private let options: RelayOptions
    private let clock = ActivityClock()
    private let state = Monitor(State())

    static let largestRead = 8 << 10
    static let largestDatagram = 65_535

    init(_ socket: FailoverSocket, _ options: RelayOptions) {
        self.socket = socket
        self.options = options
    }

    private struct State {
        var sent = 0
        var received = 0
        /// A Boolean value that indicates whether `-q` ended the relay, which then succeeds even
        /// without a reply.
        var hasQuit = false
        var failure: (any Error)?
    }

    /// Runs until the wait after the end of input is over, or for ever if the input never ends.
    func run() throws {
        StatusLine.show(self, regularly: options.showsStatus)
        defer { StatusLine.end() }
        if options.isSendOnly { return try sendInput() }
        try Worker.startOrThrow { [self] in
            send()
            socket.close()
        }
        try receive()
        try checkResult()
    }
}

extension DatagramRelay: StatusSource {
    /// Returns how many datagrams were sent and received, because the kernel reports nothing else
    /// about them.
    func status(sampling duration: Duration) -> String {
        Worker.sleep(for: duration)
        return state.update { "datagrams: \($0.sent) sent, \($0.received) received" }
    }

    var isOver: Bool { socket.current.isClosed }
}

extension DatagramRelay {
    private func receive() throws {
        var buffer = [UInt8](repeating: 0, count: Self.largestDatagram)
        while true {
            let result = try clock.wait(timeout: options.idleTimeout) { limit throws(SocketError) in
                try socket.receive(into: &buffer, timeout: limit)
            }
            switch result {
            case .value(let count):
                state.update { $0.received += 1 }
                try Console.write(buffer[..<count])
            case .closed, .idle:
                return
            }
        }
    }

    /// Sends the input, and then waits until nothing has arrived for the whole reply timeout.
    private func send() {
        do {
            try sendInput()
        } catch {
            state.update { $0.failure = error }
            return
        }
        if let time = options.quitAfter {
            Worker.sleep(for: time)
            state.update { $0.hasQuit = true }
            return
        }
        clock.touch()
        let timeout = options.replyTimeout
        while clock.idleTime < timeout { Worker.sleep(for: timeout - clock.idleTime) }
    }

    private func sendInput() throws {
        var buffer = [UInt8](repeating: 0, count: Self.largestRead)
        while true {
            let count = try Console.read(into: &buffer)
            if count == 0 { return }
            try socket.send(buffer[..<count])
            clock.touch()
            state.update { $0.sent += 1 }
        }
    }

    private func checkResult() throws {
        let (sent, received, hasQuit, failure) = state.update {
            ($0.sent, $0.received, $0.hasQuit, $0.failure)
        }
        StatusLine.end()
        if options.isVerbose || options.showsStatus {
            Log.message("datagrams: \(sent) sent, \(received) received")
        }
        if let failure { throw failure }
        guard received == 0, !hasQuit else { return }
        throw Failure(
            .timedOut,
            "cannot receive from \(socket.current.peerName): no reply in"
                + " \(options.replyTimeout.brief)",
            hint: sent == 0
                ? "Nothing was sent, because the input was empty. Try: echo | sock -u HOST PORT"
                : "With UDP, lost and ignored datagrams look the same. Try -w 5s or --send-only.")
    }
}
