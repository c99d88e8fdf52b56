import Sockets

/// Copies standard input to a connected socket and what comes to standard output, both at once.
///
/// The calling thread receives; another one sends. Neither waits for the other, so no amounts can
/// deadlock them, and memory is one buffer for each. The end of input half-closes the connection
/// and goes on receiving; the peer's end ends standard output, and what is left of the input still
/// goes out as long as somebody takes it.
final class StreamRelay: Sendable {
    private let socket: Socket
    private let plan: RelayPlan
    private let clock = ActivityClock()
    private let sending = Monitor(Sending())

    /// How far the sending thread has got.
    private struct Sending {
        var isInputEnded = false
        var isOver = false
        var failure: (any Error)?
        /// A piece of input is under way to the peer.
        var isBusy = false
        var count = 0
        var received = 0
    }

    private static let bufferSize = 128 << 10

    init(_ socket: Socket, _ plan: RelayPlan) {
        self.socket = socket
        self.plan = plan
    }

    /// Runs until the peer has ended and the input as well, or one of the limits is reached.
    func run() throws {
        StatusLine.tell(of: self, regularly: plan.showsStatus)
        let isStarted = Worker.start { [self] in
            send()
            sending.update { $0.isOver = true }
        }
        guard isStarted else { throw Failure(.otherFailure, "cannot start a thread") }
        try receive()
        try finishInput()
        socket.close()
        StatusLine.end()
        sending.update { state in
            guard plan.isVerbose || plan.showsStatus else { return }
            Report.note("bytes: \(state.count) sent, \(state.received) received")
        }
    }
}

// MARK: From the socket to standard output

extension StreamRelay {
    /// Receives until the peer's end, or until `-q` says that it is enough.
    private func receive() throws {
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        while true {
            let reception = try clock.wait(allowing: plan.silence) {
                limit throws(SocketError) in
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                return try socket.receive(into: &bytes, timeout: limit)
            }
            switch reception {
            case .value(0), .closed: return
            case .value(let count): try take(buffer[..<count])
            case .silence: throw Failure(silenceOf: socket, plan.silence ?? .zero)
            }
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>) throws {
        sending.update { $0.received += bytes.count }
        if !plan.isSendOnly { try Answer.write(bytes) }
    }
}

// MARK: From standard input to the socket

extension StreamRelay {
    private func send() {
        do {
            try sendInput()
        } catch {
            sending.update { $0.failure = error }
            // Input that cannot be read has ended; a peer that does not listen is told nothing.
            if let error = error as? SocketError {
                if !error.isEndOfPeer { breakOff() }
                return
            }
        }
        sending.update { $0.isInputEnded = true }
        // Fails when the peer is gone, which receiving tells better.
        try? socket.shutdown(.write)
        guard let rest = plan.quitAfter else { return }
        Worker.sleep(for: rest)
        // Wakes the receiving thread, which takes it for the end.
        socket.close()
    }

    /// The peer is there, but cannot be sent more, e.g. because a firewall forbids it. He must not take
    /// the end for that of the input, and would be waited for without end: so this is a reset.
    private func breakOff() {
        try? socket.setOption(.linger, to: .zero)
        // Wakes the receiving thread, which finds the failure.
        try? socket.shutdown(.read)
    }

    private func sendInput() throws {
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        while true {
            let count = try Input.read(into: &buffer)
            if count == 0 { return }
            sending.update { $0.isBusy = true }
            try send(buffer[..<count])
            sending.update { $0.isBusy = false }
        }
    }

    /// All of it; in steps when silence is watched, so that slow progress is not taken for none.
    private func send(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty {
            do throws(SocketError) {
                let step = plan.silence.map { TimeLimit($0 / 4) } ?? .never
                let count = try socket.send(rest.span.bytes, timeout: step)
                clock.touch()
                sending.update { $0.count += count }
                rest = rest.dropFirst(count)
            } catch {
                // The receiving thread decides when the silence has been too long.
                guard case .timedOut = error.cause else { throw error }
            }
        }
    }

    /// After the peer's end: input that still flows goes on to its own end, or until nobody takes
    /// it any more.
    private func finishInput() throws {
        let sentBefore = sending.update { $0.count }
        if !StandardStreams.input.isTerminal, !plan.isSendOnly {
            StandardStreams.output.end()
            let isOver = waitForInput(atMost: plan.silence ?? RelayPlan.grace)
            // Something is on its way, or was taken after the peer's end, so the peer still reads.
            if !isOver, sending.update({ $0.isBusy || $0.count > sentBefore }) {
                try waitForInput()
            }
        }
        if let failure = sending.update({ $0.failure }) { throw failure }
    }

    private func waitForInput() throws {
        while !waitForInput(atMost: plan.silence) {
            if let allowed = plan.silence, clock.silence >= allowed {
                throw Failure(silenceOf: socket, allowed)
            }
        }
    }

    private func waitForInput(atMost limit: Duration?) -> Bool {
        sending.wait(atMost: limit) { $0.isInputEnded || $0.isOver }
    }
}

extension Failure {
    /// Nothing has moved for as long as `-w` allows.
    init(silenceOf socket: Socket, _ allowed: Duration) {
        let activity = Activity(.exchanging, elapsed: allowed, timeSinceProgress: allowed)
        self.init(
            "nothing has come from \(socket.peerName) or gone there for \(allowed.brief)",
            because: try? socket.diagnose(during: activity),
            advice: "Change the limit with -w 30s, or leave -w out to wait as long as it takes.")
    }
}

// MARK: How it goes

extension StreamRelay: Progress {
    func state(watching duration: Duration) -> String {
        let report = try? socket.diagnose(watching: duration)
        // Now, and not as it was before the look.
        let (sent, received) = sending.update { ($0.count, $0.received) }
        let counts = "bytes: \(sent) sent, \(received) received"
        guard let report else { return counts }
        // A calm connection needs no numbers.
        let evidence = report.verdict == .idle ? "" : ": \(report.evidence.withLowercasedFirst)"
        return
            "\(counts); \(report.verdict) (\(report.verdict.code), \(report.confidence))\(evidence)"
    }

    var isOver: Bool { socket.isClosed }
}

extension Socket {
    /// The peer as a message names it.
    var peerName: String {
        remoteAddress == .unnamed ? "the peer" : "\(remoteAddress)"
    }
}

extension SocketError {
    /// Whether the peer has gone; what he had sent before can still be received.
    fileprivate var isEndOfPeer: Bool {
        cause == .closed || errno == .brokenPipe || errno == .connectionReset
    }
}
