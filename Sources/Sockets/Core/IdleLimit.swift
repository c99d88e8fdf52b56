internal import Synchronization

/// The longest time for which the two directions of a join may both be silent.
///
/// The tasks of both directions share this object.
final class IdleLimit: Sendable {
    let limit: TimeLimit
    /// The instant, on the continuous clock, at which bytes last moved.
    private let lastMove = Atomic<Int64>(0)
    /// The instant at which the `withTimeLimit` around the join ends the join, even if bytes move.
    private let scopeEnd = TimeLimitScope.currentEnd

    /// Creates a limit that starts now.
    init(_ limit: TimeLimit) {
        self.limit = limit
        touch()
    }

    /// Notes that bytes have moved.
    func touch() {
        // Only a limit that is a duration depends on the last move.
        guard case .within = limit.kind else { return }
        lastMove.store(System.continuousNanoseconds(), ordering: .relaxed)
    }

    /// The instant at which the join ends if no bytes move, or `Int64.max` for never.
    var end: Int64 {
        switch limit.kind {
        case .never: scopeEnd
        case .within(let nanoseconds):
            min(lastMove.load(ordering: .relaxed) + nanoseconds, scopeEnd)
        case .until(let instant): min(instant, scopeEnd)
        }
    }

    /// A Boolean value that indicates whether the limit of the `withTimeLimit` around the join has
    /// passed.
    var scopeHasPassed: Bool { scopeEnd != .max && System.continuousNanoseconds() >= scopeEnd }

    /// A Boolean value that indicates whether ``end`` has passed.
    var hasPassed: Bool {
        let end = end
        return end != .max && System.continuousNanoseconds() >= end
    }

    /// The time until ``end``, or `nil` if the join has no limit.
    var remaining: Duration? {
        let end = end
        return end == .max ? nil : .nanoseconds(end - System.continuousNanoseconds())
    }

    /// The cause of the error that a join throws after ``end``.
    var cause: SocketError.Cause { .timedOut(limit: scopeHasPassed ? nil : limit.duration) }
}
