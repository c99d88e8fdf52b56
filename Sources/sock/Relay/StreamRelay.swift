import Sockets
import Synchronization

/// A relay that copies standard input to a connected socket and received bytes to standard output.
///
/// One thread receives, and another thread sends at the same time. Neither thread waits for the
/// other, so they cannot deadlock even if much data flows both ways. The calling thread only
/// follows `RelaySchedule`, so `-w` and `-q` end the relay in time even if input, output and peer
/// are all blocked.
final class StreamRelay: Sendable {
    private let socket: Socket
    /// A Boolean value that indicates whether the socket uses TLS.
    private let usesTLS: Bool
    private let options: RelayOptions
    private let clock = ActivityClock()
    private let sent = Atomic<Int>(0)
    private let received = Atomic<Int>(0)
    /// The number of received bytes that were written to standard output.
    private let written = Atomic<Int>(0)
    /// A Boolean value that indicates whether to give the peer time to read the answer before the
    /// socket closes.
    private let lingers: Bool
    private let discards: Atomic<Bool>
    private let state: Monitor<State>

    /// What the two threads report to the calling thread.
    private struct State {
        var schedule: RelaySchedule
        /// The number of reports so far, which lets the calling thread notice a new one.
        var reports = 0
        /// A failure that ends the relay at once.
        var fatal: (any Error)?
        /// A failure to read or send the input, after which the relay still waits for the peer's
        /// EOF.
        var failure: (any Error)?
        var isStopped = false
    }

    private static let bufferSize = 128 << 10

    /// The most bytes to transfer in one call if `-w` is given, so that even slow progress counts
    /// as activity.
    private static let pieceSize = 4096

    /// How often to look for a reset that only a later write would report.
    private static let resetInterval = Duration.milliseconds(500)

    /// How long a client may take to read the answer and to close.
    private static let lingerTime = TimeLimit.seconds(2)

    /// Creates a relay.
    ///
    /// - Parameters:
    ///   - socket: A connected socket, which the relay closes.
    ///   - options: The options.
    ///   - lingers: A Boolean value that indicates whether to discard what the peer still sends,
    ///     for up to 2 s, when the relay ends. Closing with unread bytes would reset the
    ///     connection, and the peer could lose the answer.
    init(_ socket: Socket, _ options: RelayOptions, lingers: Bool = false) {
        self.socket = socket
        usesTLS = socket.tls != nil
        self.options = options
        self.lingers = lingers
        discards = Atomic(options.isSendOnly)
        state = Monitor(
            State(
                schedule: RelaySchedule(
                    options, endsWithPeer: StandardStreams.input.isTerminal)))
    }

    /// Runs until both the peer and the input have ended, or until a limit is reached.
    func run() throws {
        StatusLine.show(self, regularly: options.showsStatus)
        try Worker.startOrThrow { self.receive() }
        try Worker.startOrThrow { self.send() }
        do {
            try supervise()
        } catch {
            endUnread()
            throw explained(error)
        }
        if state.update({ $0.isStopped }) {
            endUnread()
            Termination.exit(.success)
        }
        discards.store(true, ordering: .relaxed)
        if lingers { socket.finish(timeout: Self.lingerTime) } else { socket.close() }
        StatusLine.end()
        logEnd()
        let (failure, isInputOpen) = state.update { ($0.failure, $0.schedule.isOnlySending) }
        if let failure { throw failure }
        if options.isSendOnly, isInputOpen {
            throw Failure(
                .sendFailed,
                "cannot send more to \(socket.remoteAddress.nameOfPeer): it ended the connection"
                    + " before the input ended")
        }
    }

    /// Makes `run` end the program soon, even if the input, the output and the peer are all
    /// blocked.
    func stop() {
        report { $0.isStopped = true }
    }

    /// Discards what a client still sends, for a short time, if the relay ends before all of the
    /// client's bytes were read, for example because the output is blocked.
    ///
    /// Exiting with unread bytes would reset the connection.
    private func endUnread() {
        guard lingers, let report = try? socket.diagnose(), report.statistics.receiveQueue ?? 0 > 0
        else { return }
        discards.store(true, ordering: .relaxed)
        socket.finish(timeout: TimeLimit(options.timeToEnd))
    }

    private func report(_ change: (inout State) -> Void) {
        state.update { state in
            change(&state)
            state.reports += 1
        }
    }
}

// MARK: Following the schedule

extension StreamRelay {
    /// Does what the schedule says until the relay ends.
    private func supervise() throws {
        var isOutputEnded = false
        while true {
            let (reports, fatal, isOnlySending, isStopped) = state.update {
                ($0.reports, $0.fatal, $0.schedule.isOnlySending, $0.isStopped)
            }
            if isStopped { return }
            if let fatal { throw fatal }
            if isOnlySending { try failIfReset() }
            let step = state.update {
                $0.schedule.next(
                    at: clock.now, lastActivity: clock.lastActivity,
                    lastReceive: clock.lastReceive)
            }
            switch step {
            case .wait(var limit):
                if isOnlySending {
                    // Close standard output, so that the next program of a pipeline receives EOF
                    // although the input continues.
                    if !isOutputEnded { StandardStreams.output.end() }
                    isOutputEnded = true
                    limit = min(limit ?? Self.resetInterval, Self.resetInterval)
                }
                state.wait(atMost: limit) { $0.reports != reports }
            case .halfClose:
                let result = Result { () throws(SocketError) in try socket.shutdown(.write) }
                state.update { $0.schedule.didTryToHalfClose(result, at: clock.now) }
            case .checkSendQueue:
                let queue = (try? socket.diagnose())?.statistics.sendQueue ?? 0
                state.update { $0.schedule.didCheckSendQueue(at: clock.now, isEmpty: queue == 0) }
            case .finish:
                return
            case .endIdle:
                throw Failure(idle: socket, options.idleTimeout ?? .zero)
            }
        }
    }

    /// Throws the error that the next write would throw.
    ///
    /// Without this check, a long pause in the input would delay the error.
    private func failIfReset() throws {
        guard let code = try? socket.option(.error) else { return }
        throw SocketError(.send, .system(code), remoteAddress: socket.remoteAddress)
    }
}

// MARK: From the socket to standard output

extension StreamRelay {
    private func receive() {
        do {
            try receiveToEnd()
            report { $0.schedule.peerDidEnd() }
        } catch {
            report { $0.fatal = $0.fatal ?? error }
        }
    }

    private func receiveToEnd() throws {
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        while true {
            var span = buffer.mutableSpan
            var bytes = span.mutableBytes
            let count = try socket.receive(into: &bytes)
            if count == 0 { return }
            received.add(count, ordering: .relaxed)
            clock.didReceive()
            if !discards.load(ordering: .relaxed) {
                try write(buffer[..<count])
                written.add(count, ordering: .relaxed)
            }
            clock.didWrite()
        }
    }

    /// Writes the bytes, in small pieces if `-w` is given, so that even slow progress counts as
    /// activity.
    private func write(_ bytes: ArraySlice<UInt8>) throws {
        guard options.idleTimeout != nil else { return try Console.write(bytes) }
        var rest = bytes
        while !rest.isEmpty {
            let piece = rest.prefix(Self.pieceSize)
            try Console.write(piece)
            clock.touch()
            rest = rest.dropFirst(piece.count)
        }
    }
}

// MARK: From standard input to the socket

extension StreamRelay {
    private func send() {
        do {
            let isEmpty = try !sendInput()
            // Ctrl-D on a terminal is a deliberate end of input. So treat it like the end of input
            // that was not empty, even if the user has typed nothing else.
            inputDidEnd(isEmpty: isEmpty && !StandardStreams.input.isTerminal)
        } catch let error as SocketError {
            if !error.isPeerGone { abort() }
            report { state in
                state.failure = error
                state.schedule.sendingDidFail(at: clock.now)
            }
        } catch {
            state.update { $0.failure = error }
            inputDidEnd(isEmpty: false)
        }
    }

    private func inputDidEnd(isEmpty: Bool) {
        report { state in
            state.schedule.inputDidEnd(at: clock.now, isEmpty: isEmpty)
        }
    }

    /// Resets the connection after sending has failed although the peer has not closed, for example
    /// because of a firewall.
    ///
    /// A half-close would look like the end of input to the peer, and the relay would wait for the
    /// peer for ever.
    private func abort() {
        try? socket.setOption(.linger, to: .zero)
        // The shutdown wakes the receiving thread, which treats it as the peer's EOF.
        try? socket.shutdown(.read)
    }

    /// Sends all input, and returns whether there was any.
    private func sendInput() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        var hasInput = false
        while true {
            let count = try Console.read(into: &buffer)
            if count == 0 { return hasInput }
            hasInput = true
            try send(buffer[..<count])
        }
    }

    /// Sends all bytes.
    ///
    /// With an idle timeout, each call has a short time limit, because the kernel reports progress
    /// only when a call returns.
    private func send(_ bytes: ArraySlice<UInt8>) throws {
        // With TLS, send small pieces without a time limit instead. A call that reaches its time
        // limit could leave encrypted bytes behind, and only a call with more input would send
        // them.
        let step = usesTLS ? .never : options.sendStep.map { TimeLimit($0) } ?? .never
        let most = usesTLS && options.idleTimeout != nil ? Self.pieceSize : bytes.count
        var rest = bytes
        while !rest.isEmpty {
            let piece = rest.prefix(most)
            do throws(SocketError) {
                let count = try socket.send(piece.span.bytes, timeout: step)
                clock.touch()
                sent.add(count, ordering: .relaxed)
                rest = rest.dropFirst(count)
            } catch {
                guard case .timedOut = error.cause else { throw error }
            }
        }
    }
}

extension Failure {
    /// Creates the failure of a connection that was idle for as long as `-w` allows.
    init(idle socket: Socket, _ timeout: Duration) {
        let activity = Activity(.exchanging, elapsed: timeout, timeSinceProgress: timeout)
        self.init(
            timeout:
                "cannot exchange data with \(socket.remoteAddress.nameOfPeer): both directions were silent"
                + " for \(timeout.brief)",
            try? socket.diagnose(during: activity),
            hint: "Change the limit with -w 30s, or omit -w to wait without a limit.")
    }
}

// MARK: Messages

extension StreamRelay {
    private func logEnd() {
        let (hasPeerEnded, endedWithoutAnswer) = state.update {
            ($0.schedule.hasPeerEnded, isUnanswered($0))
        }
        if hasPeerEnded, StandardStreams.input.isTerminal, !options.isSendOnly {
            Log.message("\(socket.remoteAddress.nameOfPeer) closed the connection")
        }
        if options.isVerbose, hasPeerEnded, endedWithoutAnswer {
            Log.message("\(socket.remoteAddress.nameOfPeer) \(Self.endWithoutAnswer)")
        }
        if options.isVerbose || options.showsStatus { Log.message(counts) }
    }

    private static let endWithoutAnswer =
        "ended the connection after our half-close, without an answer;"
        + " if you expected one, try --no-shutdown"

    /// Returns whether nothing at all arrived, although the connection was half-closed.
    private func isUnanswered(_ state: State) -> Bool {
        state.schedule.hasHalfClosed && received.load(ordering: .relaxed) == 0
    }

    /// Returns the error with the advice that fits a reset after the half-close.
    private func explained(_ error: any Error) -> any Error {
        guard let error = error as? SocketError, error.errno == .connectionReset,
            state.update({ isUnanswered($0) })
        else { return error }
        return Failure(
            ExitStatus(error), error.firstLine, hint: "The peer \(Self.endWithoutAnswer).")
    }

    private var counts: String {
        TransferText.both(
            sent: sent.load(ordering: .relaxed), received: written.load(ordering: .relaxed),
            in: clock.lastActivity)
    }
}

extension StreamRelay: StatusSource {
    func status(sampling duration: Duration) -> String {
        let report = try? socket.diagnose(watching: duration)
        // Read the counts after the sampling, so that they are up to date.
        let counts = counts
        guard let report else { return counts }
        // The evidence about an idle connection says nothing new, so leave it out.
        let evidence = report.verdict == .idle ? "" : ": \(report.evidence.withLowercasedFirst)"
        return
            "\(counts); \(report.verdict) (\(report.verdict.code), \(report.confidence))\(evidence)"
    }

    var isOver: Bool { socket.isClosed }
}

extension SocketError {
    /// A Boolean value that indicates whether the error means that the peer is gone.
    ///
    /// The bytes that the peer sent before can still be received.
    fileprivate var isPeerGone: Bool {
        cause == .closed || errno == .brokenPipe || errno == .connectionReset
    }
}
