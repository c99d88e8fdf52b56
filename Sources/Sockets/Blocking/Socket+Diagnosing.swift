internal import SystemPackage

// Stall diagnosis.
extension Socket {
    /// Examines the connection and reports whether and why it is stalled.
    ///
    /// ```swift
    /// print(try socket.diagnose(watching: .seconds(5)))
    /// ```
    ///
    /// The call has no side effects, and other threads may use the socket meanwhile. One sample
    /// cannot distinguish a peer that reads slowly from a peer that does not read. Two samples can
    /// distinguish them if bytes are transferred in between. The call blocks the thread for
    /// `duration`; the async counterpart is ``Connection/diagnose(watching:)``.
    ///
    /// - Parameter duration: How long to watch. If the duration is zero or less, the call takes one
    ///   sample and does not wait.
    /// - Returns: The report.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is a datagram socket or listens.
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the socket is not
    ///     connected.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func diagnose(watching duration: Duration = .zero) throws(SocketError) -> StallReport {
        try diagnose(watching: duration, during: .nothing)
    }

    /// Examines the connection as `diagnose(watching:)` does, but for a caller that is in the
    /// middle of an operation.
    ///
    /// `activity` is that operation.
    package func diagnose(
        watching duration: Duration = .zero, during activity: Activity
    ) throws(SocketError) -> StallReport {
        guard enter() else { throw failure(.diagnose, .closed) }
        defer { leave() }
        try requireConnection(for: .diagnose)
        var watch = ConnectionSamples()
        while let pause = watch.pause(of: duration.clamped) {
            do throws(Errno) {
                var none: [PollRequest] = []
                if pause > .zero {
                    try System.poll(&none, milliseconds: pause.millisecondsRoundedUp)
                }
            } catch {
                throw failure(.diagnose, .system(error))
            }
            guard !isClosed else { throw failure(.diagnose, .closed) }
            watch.add(ConnectionStatistics(reading: descriptor))
        }
        return watch.report(during: activity)
    }

    /// Throws an error unless the socket is or was connected.
    ///
    /// The caller must have called `enter`.
    func requireConnection(for operation: SocketError.Operation) throws(SocketError) {
        guard type != .datagram else {
            throw failure(operation, .invalidInput("a datagram socket has no connection"))
        }
        let isListening: Bool
        do throws(Errno) {
            isListening = try System.isListening(descriptor)
            // Skip the check if the peer's address was captured, because a reset TCP connection has
            // no peer address any more but can still be examined.
            if !isListening, names.withLock({ $0.remote }) == nil {
                _ = try System.getpeername(descriptor)
            }
        } catch {
            throw failure(operation, .system(error))
        }
        guard !isListening else {
            throw failure(operation, .invalidInput("a listening socket has no connection"))
        }
    }

    /// Returns the error of an operation that timed out, with a report of why it was stalled.
    ///
    /// The caller must have called `enter`, so the descriptor is valid. The kernel is queried only
    /// after a timeout, so successful operations have no extra cost.
    ///
    /// `stalledSince` is the remaining time at the moment when the operation began to wait.
    /// `isWhole` is true if the operation itself began at that moment. `sent` is the number of
    /// bytes that an exchange has sent.
    @inline(never)
    func timeout(
        _ operation: SocketError.Operation, _ deadline: Deadline, _ stalledSince: Duration?,
        isWhole: Bool = false, sent: Int = 0, received: Int = 0
    ) -> SocketError {
        let cause = deadline.cause
        // Omit the report if the operation did not wait, because then nothing shows that the
        // connection is stalled.
        let waited = stalledSince.map { $0 > .zero } ?? false
        guard waited || !isWhole, type != .datagram, let activityKind = Activity.Kind(operation)
        else { return failure(operation, cause, bytesTransferred: sent) }
        let rest = deadline.remaining ?? .zero
        // If no wait was recorded, the time since the last progress is unknown. The kernel may have
        // sent some bytes and then waited for more buffer space until the limit, but it reports
        // only how many bytes it sent.
        let still = waited ? stalledSince.map { $0 - rest } : nil
        let activity = Activity(
            activityKind, elapsed: deadline.limit.duration.map { $0 - rest },
            timeSinceProgress: still, sent: sent, received: received)
        let report = StallReport.analyze(
            nil, ConnectionStatistics(reading: descriptor), during: activity)
        return failure(operation, cause, bytesTransferred: sent, stallReport: report)
    }
}

extension Activity.Kind {
    /// Creates the activity of an operation on a connection, or returns `nil` for other operations.
    init?(_ operation: SocketError.Operation) {
        switch operation {
        case .receive, .read: self = .reading
        case .send, .write: self = .writing
        case .exchange: self = .exchanging
        default: return nil
        }
    }
}
