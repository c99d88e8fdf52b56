internal import Synchronization

/// The longest time for which the two directions of a join may both be silent.
///
/// The tasks of both directions share it.
final class IdleLimit: Sendable {
    let limit: TimeLimit
    /// The instant of the last move on the continuous clock.
    private let lastMove = Atomic<Int64>(0)
    /// The instant at which the `withTimeLimit` around the join ends it, even if bytes move.
    private let scopeEnd = TimeLimitScope.currentEnd

    /// Creates a limit that starts now.
    init(_ limit: TimeLimit) {
        self.limit = limit
        touch()
    }

    /// Notes that bytes have moved.
    func touch() {
        // Only a duration needs the time of the last move.
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

    /// A Boolean value that indicates whether the `withTimeLimit` around the join ends it.
    var scopeHasPassed: Bool { scopeEnd != .max && System.continuousNanoseconds() >= scopeEnd }

    /// A Boolean value that indicates whether the limit has passed.
    var hasPassed: Bool {
        let end = end
        return end != .max && System.continuousNanoseconds() >= end
    }

    /// The time until the limit passes, or `nil` if it never passes.
    var remaining: Duration? {
        let end = end
        return end == .max ? nil : .nanoseconds(end - System.continuousNanoseconds())
    }

    /// The error cause of a join that has ended because of the time.
    var cause: SocketError.Cause { .timedOut(limit: scopeHasPassed ? nil : limit.duration) }
}
