/// How long an operation may wait: the type of every `timeout:` parameter.
///
/// A limit covers the whole operation, however many system calls it makes: reading a line in
/// `.seconds(2)` takes 2 seconds at most, also when the line arrives byte by byte, or faster than it
/// can be read. An operation never gives up early; on an idle machine it is at most 20 ms late. A
/// limit of zero or less, and an instant that has passed, make one attempt that does not wait.
///
/// ```swift
/// try socket.receive(atMost: 512, timeout: .seconds(2))
/// try stream.readLine(timeout: .until(deadline))
/// ```
public struct TimeLimit: Hashable, Sendable, CustomStringConvertible {
    enum Kind: Hashable, Sendable {
        case never
        case within(nanoseconds: Int64)
        case until(Moment)
    }

    let kind: Kind

    /// No limit: the operation waits as long as it takes.
    public static let never = TimeLimit(kind: .never)

    /// At most this many seconds.
    public static func seconds(_ seconds: some BinaryInteger) -> TimeLimit {
        within(Int64(clamping: seconds), 1_000_000_000)
    }

    /// At most this many seconds, to the microsecond. Not-a-number counts as zero.
    public static func seconds(_ seconds: Double) -> TimeLimit {
        // Not-a-number is neither greater than zero nor anything else.
        guard seconds > 0 else { return TimeLimit(.zero) }
        return seconds > 1e10 ? .never : TimeLimit(.microseconds(seconds * 1e6))
    }

    /// At most this many milliseconds.
    public static func milliseconds(_ milliseconds: some BinaryInteger) -> TimeLimit {
        within(Int64(clamping: milliseconds), 1_000_000)
    }

    /// Until this moment: one deadline for as many operations as you like.
    ///
    /// A moment more than 95 years away is never; those that have passed are all alike to an
    /// operation.
    public static func until(_ instant: ContinuousClock.Instant) -> TimeLimit {
        let moment = Moment(instant)
        return moment.isDistant ? .never : TimeLimit(kind: .until(moment))
    }

    /// At most this long, rounded up to the nanosecond; less than nothing counts as zero, and more
    /// than 95 years as never.
    public init(_ duration: Duration) {
        self.init(
            kind: duration.isDistant
                ? .never : .within(nanoseconds: max(duration, .zero).nanosecondsRoundedUp))
    }

    private init(kind: Kind) { self.kind = kind }

    init(_ moment: Moment) { kind = .until(moment) }

    /// So many units of so many nanoseconds.
    @inline(__always)
    private static func within(_ count: Int64, _ unit: Int64) -> TimeLimit {
        guard count <= Moment.longest / unit else { return .never }
        return TimeLimit(kind: .within(nanoseconds: max(0, count) * unit))
    }

    /// The limit as one number: no limit and no moment takes more than 62 bits.
    @inline(__always)
    var packed: UInt64 {
        switch kind {
        case .never: .max
        case .within(let nanoseconds): UInt64(nanoseconds)
        case .until(let moment): UInt64(moment.nanoseconds) | Self.momentBit
        }
    }

    @inline(__always)
    init(packed: UInt64) {
        guard packed != .max else {
            kind = .never
            return
        }
        let nanoseconds = Int64(packed & ~Self.momentBit)
        kind =
            packed & Self.momentBit == 0
            ? .within(nanoseconds: nanoseconds) : .until(Moment(nanoseconds: nanoseconds))
    }

    private static let momentBit: UInt64 = 1 << 62

    /// The limit if it was given as a length of time.
    var duration: Duration? {
        if case .within(let nanoseconds) = kind { .nanoseconds(nanoseconds) } else { nil }
    }

    /// "2 s", "50 ms", "never", or for a moment "until 2 s from now", "until 2 s ago".
    public var description: String {
        switch kind {
        case .never: return "never"
        case .within(let nanoseconds): return Duration.nanoseconds(nanoseconds).brief
        case .until(let moment):
            let rest = Moment.now.duration(to: moment)
            return rest > .zero
                ? "until \(rest.brief) from now" : "until \((.zero - rest).brief) ago"
        }
    }
}

extension Duration {
    /// The longest limit, 95 years: longer ones count as none, so that no sum with the clock can
    /// overflow. A whole number of seconds, because one from a `Double` costs more than the rest.
    private static var longest: Duration { .nanoseconds(Moment.longest) }

    /// Whether it is longer than any limit.
    var isDistant: Bool { self > Self.longest }

    /// The same within 95 years either way, so that no sum or product with it can overflow.
    package var clamped: Duration {
        min(max(self, .zero - Self.longest), Self.longest)
    }

    /// Nothing is shorter in nanoseconds than it is; at most 95 years either way.
    var nanosecondsRoundedUp: Int64 {
        let (seconds, attoseconds) = clamped.components
        let (whole, rest) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return seconds * 1_000_000_000 + whole + (rest > 0 ? 1 : 0)
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
