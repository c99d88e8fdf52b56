import Sockets

/// Copies standard input to a connected socket and received bytes to standard output, both at once.
///
/// The calling thread receives and another one sends. Neither waits for the other, so no amount of
/// data can deadlock them, and each has one buffer. The end of input half-closes the connection, and
/// receiving continues. The peer's end of stream closes standard output, and the rest of the input
/// is still sent as long as the peer reads it.
final class StreamRelay: Sendable {
    private let socket: Socket
    private let options: RelayOptions
    private let clock = ActivityClock()
    private let transfer = Monitor(Transfer())

    /// The progress of the sending thread, and the bytes of both directions.
    private struct Transfer {
        var isInputEnded = false
        var isOver = false
        var failure: (any Error)?
        /// Whether bytes of the input are being sent.
        var isSending = false
        var sent = 0
        var received = 0
    }

    private static let bufferSize = 128 << 10

    init(_ socket: Socket, _ options: RelayOptions) {
        self.socket = socket
        self.options = options
    }

    /// Runs until both the peer and the input have ended, or a limit is reached.
    func run() throws {
        StatusLine.show(self, regularly: options.showsStatus)
        try Worker.startOrThrow { [self] in
            send()
            transfer.update { $0.isOver = true }
        }
        try receive()
        try finishInput()
        socket.close()
        StatusLine.end()
        transfer.update { transfer in
            guard options.isVerbose || options.showsStatus else { return }
            Log.message("bytes: \(transfer.sent) sent, \(transfer.received) received")
        }
    }
}

// MARK: From the socket to standard output

extension StreamRelay {
    /// Receives until the peer's end of stream, or until `-q` ends the relay.
    private func receive() throws {
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        while true {
            let result = try clock.wait(timeout: options.idleTimeout) {
                limit throws(SocketError) in
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                return try socket.receive(into: &bytes, timeout: limit)
            }
            switch result {
            case .value(0), .closed: return
            case .value(let count): try write(buffer[..<count])
            case .idle: throw Failure(idle: socket, options.idleTimeout ?? .zero)
            }
        }
    }

    private func write(_ bytes: ArraySlice<UInt8>) throws {
        transfer.update { $0.received += bytes.count }
        if !options.isSendOnly { try Console.write(bytes) }
    }
}

// MARK: From standard input to the socket

extension StreamRelay {
    private func send() {
        do {
            try sendInput()
        } catch {
            transfer.update { $0.failure = error }
            // A failed read of the input is treated as the end of input. If writing to the peer
            // fails, forwarding stops.
            if let error = error as? SocketError {
                if !error.isPeerGone { abort() }
                return
            }
        }
        transfer.update { $0.isInputEnded = true }
        // The shutdown fails if the peer is gone. The next receive reports the cause better.
        try? socket.shutdown(.write)
        guard let time = options.quitAfter else { return }
        Worker.sleep(for: time)
        // Wakes the receiving thread, which takes this as the end.
        socket.close()
    }

    /// Resets the connection if sending fails although the peer is there, as with a firewall.
    ///
    /// A half-close would look like the end of input, and the relay would wait for the peer for ever.
    private func abort() {
        try? socket.setOption(.linger, to: .zero)
        // Wakes the receiving thread, which finds the failure.
        try? socket.shutdown(.read)
    }

    private func sendInput() throws {
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        while true {
            let count = try Console.read(into: &buffer)
            if count == 0 { return }
            transfer.update { $0.isSending = true }
            try send(buffer[..<count])
            transfer.update { $0.isSending = false }
        }
    }

    /// Sends all bytes.
    ///
    /// An idle timeout divides it into steps, so that slow progress counts as activity.
    private func send(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty {
            do throws(SocketError) {
                let step = options.idleTimeout.map { TimeLimit($0 / 4) } ?? .never
                let count = try socket.send(rest.span.bytes, timeout: step)
                clock.touch()
                transfer.update { $0.sent += count }
                rest = rest.dropFirst(count)
            } catch {
                // The receiving thread decides when the connection has been idle for too long.
                guard case .timedOut = error.cause else { throw error }
            }
        }
    }

    /// Keeps forwarding input after the peer's end of stream, until the input ends or a write fails.
    private func finishInput() throws {
        let sentBefore = transfer.update { $0.sent }
        if !StandardStreams.input.isTerminal, !options.isSendOnly {
            StandardStreams.output.end()
            let isOver = waitForInput(atMost: options.idleTimeout ?? RelayOptions.gracePeriod)
            // Bytes are being sent or were sent after the peer's end, so the peer still reads.
            if !isOver, transfer.update({ $0.isSending || $0.sent > sentBefore }) {
                try waitForInput()
            }
        }
        if let failure = transfer.update({ $0.failure }) { throw failure }
    }

    private func waitForInput() throws {
        while !waitForInput(atMost: options.idleTimeout) {
            if let timeout = options.idleTimeout, clock.idleTime >= timeout {
                throw Failure(idle: socket, timeout)
            }
        }
    }

    private func waitForInput(atMost limit: Duration?) -> Bool {
        transfer.wait(atMost: limit) { $0.isInputEnded || $0.isOver }
    }
}

extension Failure {
    /// Creates the failure of a connection that was idle for the limit of `-w`.
    init(idle socket: Socket, _ timeout: Duration) {
        let activity = Activity(.exchanging, elapsed: timeout, timeSinceProgress: timeout)
        self.init(
            timeout: "no data to or from \(socket.peerName) for \(timeout.brief)",
            try? socket.diagnose(during: activity),
            hint: "Change the limit with -w 30s, or omit -w to wait without a limit.")
    }
}

// MARK: Progress

extension StreamRelay: StatusSource {
    func status(sampling duration: Duration) -> String {
        let report = try? socket.diagnose(watching: duration)
        // The counts after the sampling.
        let (sent, received) = transfer.update { ($0.sent, $0.received) }
        let counts = "bytes: \(sent) sent, \(received) received"
        guard let report else { return counts }
        // An idle connection has no evidence worth showing.
        let evidence = report.verdict == .idle ? "" : ": \(report.evidence.withLowercasedFirst)"
        return
            "\(counts); \(report.verdict) (\(report.verdict.code), \(report.confidence))\(evidence)"
    }

    var isOver: Bool { socket.isClosed }
}

extension Socket {
    /// The peer's name in a message.
    var peerName: String {
        remoteAddress == .unnamed ? "the peer" : "\(remoteAddress)"
    }
}

extension SocketError {
    /// Whether the peer has gone; what it sent before can still be received.
    fileprivate var isPeerGone: Bool {
        cause == .closed || errno == .brokenPipe || errno == .connectionReset
    }
}
