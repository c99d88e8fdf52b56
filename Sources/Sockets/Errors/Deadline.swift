/// A time limit and, once the operation has started to wait, the instant at which the limit ends.
///
/// A deadline starts at the first call of ``start()``, so an operation that need not wait never
/// reads the clock.
///
/// A deadline occupies two machine words. With a `ContinuousClock.Instant` or a `Duration?` in it,
/// it would be larger. In addition, the layout of `Instant` is known only at run time, so each copy
/// would go through the type's value witness table. In a short operation, such as reading a
/// buffered line, these copies would cost more than the rest of the operation.
package struct Deadline: Sendable {
    /// The limit of the operation, or the instant at which the current `withTimeLimit` ends if that
    /// is earlier.
    private(set) var limit: TimeLimit
    /// The instant in nanoseconds of the continuous clock.
    ///
    /// `Int64.max` means never. A value below 1 means that the deadline has not started.
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
        if _slowPath(System.hasTimeLimits) { self = bounded() }
    }

    /// A deadline that has passed, for an attempt that must not wait.
    static let atOnce = Deadline(.seconds(0))

    /// A deadline that never passes, not even inside a `withTimeLimit`.
    ///
    /// It is for calls that do not wait.
    static var unlimited: Deadline {
        var deadline = Deadline(.never)
        deadline.instant = .max
        return deadline
    }

    /// Starts the deadline unless it has started, and returns its instant.
    @inline(__always)
    @discardableResult
    mutating func start() -> Int64 {
        if instant < 1 { startNow() }
        return instant
    }

    /// Starts the deadline.
    ///
    /// The function is not inlined, because an operation calls it only before it waits, and most
    /// operations need not wait.
    @inline(never)
    private mutating func startNow() {
        instant = Self.instant(of: limit)
        if _slowPath(System.hasTimeLimits) { self = bounded() }
    }

    /// Returns the deadline, or the end of the current `withTimeLimit` if that is earlier.
    @inline(never)
    private func bounded() -> Deadline {
        let end = TimeLimitScope.currentEnd
        guard end < instant else { return self }
        var deadline = Deadline(TimeLimit(untilNanoseconds: end))
        deadline.instant = end
        return deadline
    }

    /// Starts the deadline and returns `true`, or returns `false` if the deadline has already
    /// started.
    mutating func startIfNeeded() -> Bool {
        guard instant < 1 else { return false }
        start()
        return true
    }

    /// Begins one step of an operation that may need many steps, or throws if the deadline has
    /// passed.
    ///
    /// Without this check, an operation whose peer always keeps up would never wait, so the limit
    /// would never end the operation.
    ///
    /// The first step neither reads the clock nor fails. The second step starts the deadline.
    @inline(__always)
    mutating func beginStep() throws(WaitFailure) {
        switch instant {
        case Self.unused: instant = Self.madeOneStep
        case Self.madeOneStep: start()
        default: if _slowPath(hasPassed) { throw WaitFailure(cause) }
        }
    }

    @inline(__always)
    static func instant(of limit: TimeLimit) -> Int64 {
        switch limit.kind {
        case .never: .max
        case .within(let nanoseconds): System.continuousNanoseconds() + nanoseconds
        case .until(let instant): max(1, instant)
        }
    }

    /// A Boolean value that indicates whether the deadline has started and passed.
    @inline(__always)
    var hasPassed: Bool {
        instant > 0 && instant != .max && System.continuousNanoseconds() >= instant
    }

    /// A Boolean value that indicates whether the deadline never passes.
    @inline(__always)
    var isNever: Bool { limit == .never }

    /// The remaining time: zero or negative if the deadline has passed, and `nil` if it never
    /// passes.
    ///
    /// The deadline must have started.
    @inline(always)
    var remaining: Duration? {
        if isNever { return nil }
        return .nanoseconds(instant - System.continuousNanoseconds())
    }

    /// The deadline as a limit for one of the operation's steps.
    ///
    /// The deadline must have started.
    var remainingLimit: TimeLimit {
        isNever ? .never : TimeLimit(untilNanoseconds: instant)
    }

    /// The error cause of an operation that this deadline ended.
    var cause: SocketError.Cause { .timedOut(limit: limit.duration) }
}
