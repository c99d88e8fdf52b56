import Sockets

/// A relay that copies standard input to a connected socket and received bytes to standard output.
///
/// The calling thread receives, and another thread sends at the same time. Neither thread waits for
/// the other, so they cannot deadlock even if much data flows both ways. After the end of input,
/// the relay half-closes the connection and still receives. After the peer's end of stream, it
/// closes standard output and still sends the rest of the input, as long as the peer reads.
final class StreamRelay: Sendable {
    private let socket: Socket
    private let options: RelayOptions
    private let clock = ActivityClock()
    private let transfer = Monitor(Transfer())

    /// The progress of the sending thread, and the byte counts of both directions.
    private struct Transfer {
        var isInputEnded = false
        var isOver = false
        var failure: (any Error)?
        /// A Boolean value that indicates whether bytes of the input are being sent.
        var isSending = false
        var sent = 0
        var received = 0
    }

    private static let bufferSize = 128 << 10

    init(_ socket: Socket, _ options: RelayOptions) {
        self.socket = socket
        self.options = options
    }

    /// Runs until both the peer and the input have ended, or until a limit is reached.
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
            // A failed read of the input ends the input, so the connection is half-closed below.
            // After a failed write to the peer, nothing more can be sent, so return.
            if let error = error as? SocketError {
                if !error.isPeerGone { abort() }
                return
            }
        }
        transfer.update { $0.isInputEnded = true }
        // Ignore the error, because shutdown fails if the peer is gone, and the next receive
        // reports the cause better.
        try? socket.shutdown(.write)
        guard let time = options.quitAfter else { return }
        Worker.sleep(for: time)
        // Closing wakes the receiving thread, which then ends without an error.
        socket.close()
    }

    /// Resets the connection after sending has failed although the peer has not closed, for example
    /// because of a firewall.
    ///
    /// A half-close would look like the end of input to the peer, and the relay would wait for the
    /// peer for ever.
    private func abort() {
        try? socket.setOption(.linger, to: .zero)
        // The shutdown wakes the receiving thread, after which `run` throws the failure.
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
    /// With an idle timeout, the bytes are sent in steps, so that slow progress is recorded as
    /// activity.
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
                // The receiving thread decides when the connection has been idle for too long, so
                // try again.
                guard case .timedOut = error.cause else { throw error }
            }
        }
    }

    /// Forwards the rest of the input after the peer's end of stream, until the input ends or a
    /// write fails.
    private func finishInput() throws {
        let sentBefore = transfer.update { $0.sent }
        if !StandardStreams.input.isTerminal, !options.isSendOnly {
            StandardStreams.output.end()
            let isOver = waitForInput(atMost: options.idleTimeout ?? RelayOptions.gracePeriod)
            // If bytes are being sent or were sent after the peer's end of stream, the peer still
            // reads, so wait for the rest of the input.
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
    /// Creates the failure of a connection that was idle for as long as `-w` allows.
    init(idle socket: Socket, _ timeout: Duration) {
        let activity = Activity(.exchanging, elapsed: timeout, timeSinceProgress: timeout)
        self.init(
            timeout: "cannot exchange data with \(socket.peerName): both directions were silent"
                + " for \(timeout.brief)",
            try? socket.diagnose(during: activity),
            hint: "Change the limit with -w 30s, or omit -w to wait without a limit.")
    }
}

// MARK: Progress

extension StreamRelay: StatusSource {
    func status(sampling duration: Duration) -> String {
        let report = try? socket.diagnose(watching: duration)
        // Read the counts after the sampling, so that they are up to date.
        let (sent, received) = transfer.update { ($0.sent, $0.received) }
        let counts = "bytes: \(sent) sent, \(received) received"
        guard let report else { return counts }
        // The evidence about an idle connection says nothing new, so leave it out.
        let evidence = report.verdict == .idle ? "" : ": \(report.evidence.withLowercasedFirst)"
        return
            "\(counts); \(report.verdict) (\(report.verdict.code), \(report.confidence))\(evidence)"
    }

    var isOver: Bool { socket.isClosed }
}

extension Socket {
    /// The name of the peer in messages.
    var peerName: String {
        remoteAddress == .unnamed ? "the peer" : "\(remoteAddress)"
    }
}

extension SocketError {
    /// A Boolean value that indicates whether the peer is gone.
    ///
    /// The bytes that it sent before can still be received.
    fileprivate var isPeerGone: Bool {
        cause == .closed || errno == .brokenPipe || errno == .connectionReset
    }
}
