/// How long an operation may wait: the type of every `timeout:` parameter.
///
/// A limit covers the whole operation, however many system calls it makes: reading a line in
/// `.seconds(2)` takes 2 seconds at most, also when the line arrives byte by byte. An operation
/// never gives up early; on an idle machine it is at most 20 ms late. A limit of zero or less, and
/// an instant that has passed, make one attempt that does not wait.
///
/// ```swift
/// try socket.receive(atMost: 512, timeout: .seconds(2))
/// try stream.readLine(timeout: .until(deadline))
/// ```
public struct TimeLimit: Hashable, Sendable, CustomStringConvertible {
    enum Kind: Hashable, Sendable {
        case never
        case within(Duration)
        case until(Moment)
    }

    let kind: Kind

    /// No limit: the operation waits as long as it takes.
    public static let never = TimeLimit(kind: .never)

    /// At most this many seconds.
    public static func seconds(_ seconds: some BinaryInteger) -> TimeLimit {
        TimeLimit(.seconds(Int64(clamping: seconds)))
    }

    /// At most this many seconds, to the microsecond. Not-a-number counts as zero.
    public static func seconds(_ seconds: Double) -> TimeLimit {
        // Not-a-number is neither greater than zero nor anything else.
        guard seconds > 0 else { return TimeLimit(.zero) }
        return seconds > 1e10 ? .never : TimeLimit(.microseconds(seconds * 1e6))
    }

    /// At most this many milliseconds.
    public static func milliseconds(_ milliseconds: some BinaryInteger) -> TimeLimit {
        TimeLimit(.milliseconds(Int64(clamping: milliseconds)))
    }

    /// Until this moment: one deadline for as many operations as you like.
    ///
    /// A moment more than 95 years away is never; all moments before this program's are the same.
    public static func until(_ instant: ContinuousClock.Instant) -> TimeLimit {
        let moment = Moment(clamping: instant)
        return moment.isDistant ? .never : TimeLimit(kind: .until(moment))
    }

    /// At most this long; less than nothing counts as zero, and more than 95 years as never.
    public init(_ duration: Duration) {
        self.init(
            kind: duration.isDistant ? .never : .within(max(duration, .zero)))
    }

    private init(kind: Kind) { self.kind = kind }

    /// The limit if it was given as a length of time.
    var duration: Duration? {
        if case .within(let duration) = kind { duration } else { nil }
    }

    fileprivate init(_ moment: Moment) { kind = .until(moment) }

    /// "2 s", "50 ms", "never", or for a moment "until 2 s from now", "until 2 s ago".
    public var description: String {
        switch kind {
        case .never: return "never"
        case .within(let duration): return duration.brief
        case .until(let moment):
            let rest = ContinuousClock.now.duration(to: moment.instant)
            return rest > .zero
                ? "until \(rest.brief) from now" : "until \((.zero - rest).brief) ago"
        }
    }
}

/// A moment of the continuous clock, as the time since another one.
///
/// The layout of `ContinuousClock.Instant` is known only at run time, and a value that holds one is
/// copied through tables: that cost more than everything else in reading a line.
struct Moment: Hashable, Sendable {
    private static let start = ContinuousClock.now
    private let sinceStart: Duration

    static var now: Moment { Moment(ContinuousClock.now) }

    init(_ instant: ContinuousClock.Instant) {
        sinceStart = Self.start.duration(to: instant)
    }

    private init(sinceStart: Duration) { self.sinceStart = sinceStart }

    /// Any moment at all. Those before the start have passed and are not told apart: the way back
    /// to one might not fit into a number.
    init(clamping instant: ContinuousClock.Instant) {
        self.init(max(instant, Self.start))
    }

    /// Whether nobody can wait so long.
    var isDistant: Bool { sinceStart.isDistant }

    var instant: ContinuousClock.Instant { Self.start.advanced(by: sinceStart) }

    func advanced(by duration: Duration) -> Moment {
        Moment(sinceStart: sinceStart + duration)
    }

    func duration(to other: Moment) -> Duration { other.sinceStart - sinceStart }
}

/// A limit that has begun: the moment when it ends, worked out once at the start of an operation.
package struct Deadline: Sendable {
    private let moment: Moment?
    /// The limit as it was given, if it was given as a length of time.
    package let limit: Duration?

    @inline(__always)
    package init(_ limit: TimeLimit) {
        switch limit.kind {
        case .never:
            (moment, self.limit) = (nil, nil)
        case .within(let duration):
            moment = Moment.now.advanced(by: duration)
            self.limit = duration
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
        remaining.map { $0 <= .zero } ?? false
    }

    /// What is left, as a limit for one of the steps of the operation.
    package var rest: TimeLimit {
        moment.map { TimeLimit($0) } ?? .never
    }
}

extension Duration {
    /// The longest limit, 95 years: longer ones count as none, so that no sum with the clock can
    /// overflow. A whole number of seconds, because one from a `Double` costs more than the rest.
    private static var longest: Duration { .seconds(3_000_000_000) }

    /// Whether it is longer than any limit.
    fileprivate var isDistant: Bool { self > Self.longest }

    /// The same within 95 years either way, so that no sum or product with it can overflow.
    package var clamped: Duration {
        min(max(self, .zero - Self.longest), Self.longest)
    }

    /// For people: "10 s", "0.5 s", "50 ms", "0.2 ms"; only nothing at all is "0 ms".
    package var brief: String {
        let (seconds, attoseconds) = clamped.components
        let micros = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        if self > .zero, micros < 100 { return "0.1 ms" }
        if micros >= 60_000_000, micros % 60_000_000 == 0 { return "\(micros / 60_000_000) min" }
        return micros >= 500_000
            ? decimal(micros, per: 100_000, "s") : decimal(micros, per: 100, "ms")
    }

    private func decimal(_ micros: Int64, per tenth: Int64, _ unit: String) -> String {
        let tenths = (micros + tenth / 2) / tenth
        return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
    }
}
