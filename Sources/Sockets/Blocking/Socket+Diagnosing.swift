internal import SystemPackage

// The reason why a connection is stalled.
extension Socket {
    /// Examines the connection and returns whether it is stalled, and why.
    ///
    /// ```swift
    /// print(try socket.diagnose(watching: .seconds(5)))
    /// ```
    ///
    /// The call has no side effects, and other threads may use the socket meanwhile. One sample
    /// cannot tell a peer that reads slowly from one that does not read. Two samples can, if bytes
    /// move between them. With a duration, the call blocks the thread for that long; the async
    /// counterpart is ``Connection/diagnose(watching:)``.
    ///
    /// - Parameter duration: How long to watch. Zero or less takes one sample and does not wait.
    /// - Returns: The report.
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` for a datagram socket and for a listening
    ///   socket; ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the socket is not
    ///   connected; ``SocketError/Cause/closed``.
    public func diagnose(watching duration: Duration = .zero) throws(SocketError) -> StallReport {
        try diagnose(watching: duration, during: .nothing)
    }

    /// See `diagnose(watching:)`.
    ///
    /// The calling code knows which operation is under way.
    package func diagnose(
        watching duration: Duration = .zero, during activity: Activity
    ) throws(SocketError) -> StallReport {
        guard type != .datagram else {
            throw failure(
                .diagnose,
                .invalidInput("a socket of the type \(type): expected one that can be connected"))
        }
        guard enter() else { throw failure(.diagnose, .closed) }
        defer { leave() }
        try requireConnection()
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

    private func requireConnection() throws(SocketError) {
        let isListening: Bool
        do throws(Errno) {
            isListening = try System.isListening(descriptor)
            // A TCP connection that was reset has no peer any more, but it can be examined.
            if !isListening, names.withLock({ $0.remote }) == nil {
                _ = try System.getpeername(descriptor)
            }
        } catch {
            throw failure(.diagnose, .system(error))
        }
        guard !isListening else {
            throw failure(
                .diagnose, .invalidInput("a socket that listens: expected a connection"))
        }
    }

    /// Makes the error of an operation whose limit has ended, with the reason why nothing moved.
    ///
    /// The calling code is inside a call. The kernel is only asked now, so that successful
    /// operations pay nothing.
    ///
    /// `stalledSince` is the rest of the limit when the operation began to wait, and `isWhole` says
    /// whether the operation began at that time. `sent` is the number of bytes that an exchange has
    /// sent.
    @inline(never)
    func timeout(
        _ operation: SocketError.Operation, _ deadline: Deadline, _ stalledSince: Duration?,
        isWhole: Bool = false, sent: Int = 0, received: Int = 0
    ) -> SocketError {
        let cause = deadline.cause
        // An operation that did not wait cannot tell whether the connection is stalled.
        let waited = stalledSince.map { $0 > .zero } ?? false
        guard waited || !isWhole, type != .datagram, let activityKind = Activity.Kind(operation)
        else { return failure(operation, cause, bytesTransferred: sent) }
        let rest = deadline.remaining ?? .zero
        // A send waits in the kernel until its limit ends, even if it sent a part long before.
        let still = waited ? stalledSince.map { $0 - rest } : nil
        let activity = Activity(
            activityKind, elapsed: deadline.limit.duration.map { $0 - rest },
            timeSinceProgress: still,
            sent: sent,
            received: received)
        let report = StallReport.analyze(
            nil, ConnectionStatistics(reading: descriptor), during: activity)
        return failure(operation, cause, bytesTransferred: sent, stallReport: report)
    }
}

extension Activity.Kind {
    /// Returns the activity of an operation on a connection, or `nil` for other operations.
    init?(_ operation: SocketError.Operation) {
        switch operation {
        case .receive, .read: self = .reading
        case .send, .write: self = .writing
        case .exchange: self = .exchanging
        default: return nil
        }
    }
}
