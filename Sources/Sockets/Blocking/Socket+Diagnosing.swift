internal import SystemPackage

// Why nothing moves.
extension Socket {
    /// Looks at the connection and says whether it is stuck, and why.
    ///
    /// ```swift
    /// print(try socket.diagnose(watching: .seconds(5)))
    /// ```
    ///
    /// It changes nothing, and other threads may be inside other calls. One look does not tell a peer
    /// that reads slowly from one that does not read; two looks do, if bytes move between them. So
    /// with a duration it blocks its thread for so long; without one it does not wait.
    ///
    /// - Parameter duration: how long to watch; zero or less is one look.
    /// - Throws: `.invalidInput` for sockets of the type `.datagram` and for those that listen;
    ///   `.system(.socketNotConnected)`, `.closed`.
    public func diagnose(watching duration: Duration = .zero) throws(SocketError) -> StallReport {
        try diagnose(watching: duration, during: .nothing)
    }

    /// As `diagnose(watching:)`, by somebody who knows what is being tried.
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
                var nobody: [PollRequest] = []
                if pause > .zero {
                    try System.poll(&nobody, milliseconds: pause.millisecondsRoundedUp)
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
            // A TCP connection that was reset has no peer any more, and is worth a report.
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

    /// The error of a time limit that has ended, which says why nothing moved.
    ///
    /// The caller is inside the socket. Only now is the kernel asked: what works pays nothing.
    /// - Parameters:
    ///   - patience: what was left of the limit when the operation came to a halt.
    ///   - isWhole: the operation began then.
    ///   - sent: how many bytes an exchange has sent, which the error tells too.
    @inline(never)
    func timeout(
        _ operation: SocketError.Operation, _ deadline: Deadline, _ patience: Duration?,
        isWhole: Bool = false, sent: Int = 0, received: Int = 0
    ) -> SocketError {
        let cause = deadline.cause
        // What does not wait has found nothing stuck.
        let waited = patience.map { $0 > .zero } ?? false
        guard waited || !isWhole, type != .datagram, let activityKind = Activity.Kind(operation)
        else { return failure(operation, cause, bytesTransferred: sent) }
        let rest = deadline.remaining ?? .zero
        // One send waits in the kernel until its limit ends, though it has sent a part long before.
        let still = waited ? patience.map { $0 - rest } : nil
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
    /// What an operation on a connection does; nil for others.
    init?(_ operation: SocketError.Operation) {
        switch operation {
        case .receive, .read: self = .reading
        case .send, .write: self = .writing
        case .exchange: self = .exchanging
        default: return nil
        }
    }
}
