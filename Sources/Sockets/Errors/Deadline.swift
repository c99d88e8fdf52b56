/// A moment of the continuous clock, in nanoseconds since that clock began.
///
/// The layout of `ContinuousClock.Instant` is known only at run time, and a value that holds one is
/// copied through tables: that cost more than everything else in reading a line.
struct Moment: Hashable, Comparable, Sendable {
    /// The longest limit, 95 years: longer ones count as none, so that no sum with the clock can
    /// overflow.
    static let longest: Int64 = 3_000_000_000_000_000_000

    let nanoseconds: Int64

    @inline(__always)
    static var now: Moment { Moment(nanoseconds: System.continuousNanoseconds()) }

    @inline(__always)
    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Any instant at all; those that are more than 95 years from the clock's beginning are not told
    /// apart.
    init(_ instant: ContinuousClock.Instant) {
        let sinceBeginning = ContinuousClock().systemEpoch.duration(to: instant)
        nanoseconds =
            sinceBeginning.isDistant ? .max : max(0, sinceBeginning.nanosecondsRoundedUp)
    }

    /// Whether nobody can wait so long.
    var isDistant: Bool { nanoseconds > Self.longest }

    var instant: ContinuousClock.Instant {
        ContinuousClock().systemEpoch.advanced(by: .nanoseconds(nanoseconds))
    }

    @inline(__always)
    func advanced(by nanoseconds: Int64) -> Moment {
        Moment(nanoseconds: self.nanoseconds + nanoseconds)
    }

    func duration(to other: Moment) -> Duration {
        .nanoseconds(other.nanoseconds - nanoseconds)
    }

    @inline(__always)
    static func < (one: Moment, other: Moment) -> Bool { one.nanoseconds < other.nanoseconds }
}

/// A limit that has begun: the moment when it ends, worked out once at the start of an operation.
package struct Deadline: Sendable {
    /// Nil is never.
    let moment: Moment?
    /// The limit as it was given, if it was given as a length of time.
    package let limit: Duration?

    @inline(__always)
    package init(_ limit: TimeLimit) {
        switch limit.kind {
        case .never:
            (moment, self.limit) = (nil, nil)
        case .within(let nanoseconds):
            moment = Moment.now.advanced(by: nanoseconds)
            self.limit = .nanoseconds(nanoseconds)
        case .until(let moment):
            (self.moment, self.limit) = (moment, nil)
        }
    }

    /// The moment when the operation has to end; nil is never.
    package var end: ContinuousClock.Instant? { moment?.instant }

    /// What is left; nil is for ever, and a number that is not positive says that it has passed.
    package var remaining: Duration? {
        moment.map { Moment.now.duration(to: $0) }
    }

    package var hasPassed: Bool {
        moment.map { $0 <= .now } ?? false
    }

    /// What is left, as a limit for one of the steps of the operation.
    package var rest: TimeLimit {
        moment.map { TimeLimit($0) } ?? .never
    }
}
