/// A time limit and, once the operation has started to wait, the instant at which it ends.
///
/// It starts when ``start()`` is called first, so an operation that need not wait never reads the
/// clock. It is two words: a value that holds a `ContinuousClock.Instant` or a `Duration?` is
/// larger, and the former is copied through run-time tables, because its layout is only known then.
/// That cost more than everything else in reading a line.
package struct Deadline: Sendable {
    let limit: TimeLimit
    /// The instant in nanoseconds of the continuous clock, `Int64.max` for never, or a value below 1
    /// before the start.
    private var instant = Self.unused

    private static let unused: Int64 = 0
    private static let madeOneStep: Int64 = -1

    /// Creates a deadline that starts with the first wait.
    @inline(__always)
    package init(_ limit: TimeLimit) { self.limit = limit }

    /// Creates a deadline that starts now.
    @inline(__always)
    package init(startingNow limit: TimeLimit) {
        self.limit = limit
        instant = limit == .never ? .max : Self.instant(of: limit)
    }

    /// Starts the deadline unless it has started, and returns its instant.
    @inline(__always)
    @discardableResult
    mutating func start() -> Int64 {
        if instant < 1 { startNow() }
        return instant
    }

    /// Out of line, because most operations need not wait.
    @inline(never)
    private mutating func startNow() { instant = Self.instant(of: limit) }

    /// Starts the deadline, and returns whether it had not started before.
    mutating func startIfNeeded() -> Bool {
        guard instant < 1 else { return false }
        start()
        return true
    }

    /// Begins one step of an operation that may take many.
    ///
    /// Otherwise a peer that always keeps up could make the operation endless, because the
    /// operation never waits.
    ///
    /// The first step reads no clock and cannot fail. The second step starts the deadline.
    @inline(__always)
    mutating func beginStep() throws(WaitFailure) {
        switch instant {
        case Self.unused: instant = Self.madeOneStep
        case Self.madeOneStep: start()
        default: if _slowPath(hasPassed) { throw WaitFailure(cause) }
        }
    }

    @inline(__always)
    private static func instant(of limit: TimeLimit) -> Int64 {
        switch limit.kind {
        case .never: .max
        case .within(let nanoseconds): System.continuousNanoseconds() + nanoseconds
        case .until(let instant): max(1, instant)
        }
    }

    /// Returns the part of the deadline that ends after `milliseconds` from now, or with the
    /// deadline if that is earlier.
    mutating func slice(milliseconds: Int64) -> Deadline {
        var slice = Deadline(limit)
        slice.instant = min(start(), System.continuousNanoseconds() + milliseconds * 1_000_000)
        return slice
    }

    /// Whether the deadline has started and passed.
    @inline(__always)
    var hasPassed: Bool {
        instant > 0 && instant != .max && System.continuousNanoseconds() >= instant
    }

    /// Whether the deadline never passes.
    @inline(__always)
    var isNever: Bool { limit == .never }

    /// The time that is left, not positive if the deadline has passed, or `nil` for ever.
    ///
    /// The deadline must have started.
    var remaining: Duration? {
        if isNever { return nil }
        return .nanoseconds(instant - System.continuousNanoseconds())
    }

    /// The time that is left, as a limit for one of the operation's steps.
    ///
    /// The deadline must have started.
    var remainingLimit: TimeLimit {
        isNever ? .never : TimeLimit(untilNanoseconds: instant)
    }

    /// The error cause of an operation that this deadline ended.
    var cause: SocketError.Cause { .timedOut(limit: limit.duration) }
}
