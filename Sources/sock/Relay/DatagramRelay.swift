import Sockets

/// Sends standard input as datagrams to one peer, and writes the datagrams that come back.
///
/// Each read of the input, of at most 8 KiB, is one datagram. Nobody can say that a UDP peer has
/// finished, so the end is a silence: 1 s (or `-w`) after the end of input. An answer makes it a
/// success; none at all is a time-out, because with UDP that is all that can be known.
final class DatagramRelay: Sendable {
    private let line: DatagramLine
    private let plan: RelayPlan
    private let clock = ActivityClock()
    private let state = Monitor(State())

    private struct State {
        var sent = 0
        var received = 0
        var isEnough = false
        var failure: (any Error)?
    }

    static let largestPiece = 8 << 10
    static let largestDatagram = 65_535

    init(_ line: DatagramLine, _ plan: RelayPlan) {
        self.line = line
        self.plan = plan
    }

    /// Runs until the silence after the end of input, or for ever if the input never ends.
    func run() throws {
        StatusLine.tell(of: self, regularly: plan.showsStatus)
        defer { StatusLine.end() }
        if plan.isSendOnly { return try sendInput() }
        let isStarted = Worker.start { [self] in
            send()
            line.hangUp()
        }
        guard isStarted else { throw Failure(.otherFailure, "cannot start a thread") }
        try receive()
        try judge()
    }
}

extension DatagramRelay: Progress {
    /// Of datagrams the kernel knows no more than we do.
    func state(watching duration: Duration) -> String {
        Worker.sleep(for: duration)
        let (sent, received) = state.update { ($0.sent, $0.received) }
        return "datagrams: \(sent) sent, \(received) received"
    }

    var isOver: Bool { line.socket.isClosed }
}

extension DatagramRelay {
    private func receive() throws {
        var buffer = [UInt8](repeating: 0, count: Self.largestDatagram)
        while true {
            let reception = try clock.wait(allowing: plan.silence) {
                limit throws(SocketError) in
                try line.receive(into: &buffer, timeout: limit)
            }
            switch reception {
            case .value(let count):
                state.update { $0.received += 1 }
                try Answer.write(buffer[..<count])
            case .closed, .silence:
                return
            }
        }
    }

    /// The input, and then the silence that is the end.
    private func send() {
        do {
            try sendInput()
        } catch {
            state.update { $0.failure = error }
            return
        }
        if let rest = plan.quitAfter {
            Worker.sleep(for: rest)
            state.update { $0.isEnough = true }
            return
        }
        clock.touch()
        let allowed = plan.silence ?? RelayPlan.answerTime
        while clock.silence < allowed { Worker.sleep(for: allowed - clock.silence) }
    }

    private func sendInput() throws {
        var buffer = [UInt8](repeating: 0, count: Self.largestPiece)
        while true {
            let count = try Input.read(into: &buffer)
            if count == 0 { return }
            try line.send(buffer[..<count])
            clock.touch()
            state.update { $0.sent += 1 }
        }
    }

    private func judge() throws {
        let (sent, received, isEnough, failure) = state.update {
            ($0.sent, $0.received, $0.isEnough, $0.failure)
        }
        StatusLine.end()
        if plan.isVerbose || plan.showsStatus {
            Report.note("datagrams: \(sent) sent, \(received) received")
        }
        if let failure { throw failure }
        guard received == 0, !isEnough else { return }
        let allowed = (plan.silence ?? RelayPlan.answerTime).brief
        throw Failure(
            .timedOut, "no answer from \(line.socket.peerName) in \(allowed)",
            advice: sent == 0
                ? "Nothing was sent, because the input was empty: echo | sock -u HOST PORT."
                : "UDP cannot tell lost from ignored. Wait longer with -w 5s, or use --send-only.")
    }
}
