internal import Synchronization

/// The longest time for which the two directions of a join may both be silent.
///
/// The tasks of both directions share it.
final class IdleLimit: Sendable {
    let limit: TimeLimit
    /// The instant of the last move on the continuous clock.
    private let lastMove = Atomic<Int64>(0)

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

    /// The instant at which the limit passes if no bytes move, or `Int64.max` for never.
    var end: Int64 {
        switch limit.kind {
        case .never: .max
        case .within(let nanoseconds): lastMove.load(ordering: .relaxed) + nanoseconds
        case .until(let instant): instant
        }
    }

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

    /// The error cause of a join that the limit ended.
    var cause: SocketError.Cause { .timedOut(limit: limit.duration) }
}
