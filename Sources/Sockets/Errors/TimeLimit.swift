/// The longest time that an operation may take: the type of every `timeout:` parameter.
///
/// A limit covers the whole operation, however many system calls it makes. Reading a line with
/// `.seconds(2)` takes at most 2 seconds, even if the line arrives byte by byte. An operation never
/// times out early. On an idle machine it times out at most 20 ms late. If the limit is zero or
/// less, or an instant that has passed, the operation makes one attempt without waiting.
///
/// ```swift
/// try socket.receive(atMost: 512, timeout: .seconds(2))
/// try socket.receive(atMost: 512, timeout: TimeLimit(duration))
/// ```
///
/// Each operation measures a limit from its own start. Call `withTimeLimit` where several
/// operations, or several layers of your code, share one limit:
///
/// ```swift
/// func fetch(_ name: String, timeout: TimeLimit) async throws -> String? {
///     try await withTimeLimit(timeout) {
///         try await withConnection(to: .tcp("example.com", port: 79)) { connection in
///             try await connection.write("\(name)\r\n")
///             return try await connection.readLine()
///         }
///     }
/// }
/// ```
///
/// For operations that are not in one closure, ``deadline()`` returns a shared limit as a value.
public struct TimeLimit: Hashable, Sendable, CustomStringConvertible {
    /// The limit as one word, which can be stored atomically and needs little memory in a task's
    /// frame.
    ///
    /// Bit 62 marks an instant. Durations and instants fit in the 62 bits below it.
    let packed: UInt64

    private static let instantBit: UInt64 = 1 << 62

    enum Kind {
        case never
        case within(nanoseconds: Int64)
        /// An instant of the continuous clock.
        case until(nanoseconds: Int64)
    }

    @inline(__always)
    var kind: Kind {
        if packed == .max { return .never }
        let nanoseconds = Int64(packed & ~Self.instantBit)
        return packed & Self.instantBit == 0
            ? .within(nanoseconds: nanoseconds) : .until(nanoseconds: nanoseconds)
    }

    @inline(__always)
    init(packed: UInt64) { self.packed = packed }

    /// Creates a limit from a number of nanoseconds from 0 to ``Duration/longestNanoseconds``.
    @inline(__always)
    private init(nanoseconds: Int64) { packed = UInt64(nanoseconds) }

    /// Creates a limit that ends at an instant of the continuous clock.
    init(untilNanoseconds instant: Int64) { packed = UInt64(max(0, instant)) | Self.instantBit }

    /// No limit, so the operation may wait for ever.
    public static let never = TimeLimit(packed: .max)

    /// Returns a limit of `seconds`.
    public static func seconds(_ seconds: some BinaryInteger) -> TimeLimit {
        within(Int64(clamping: seconds), 1_000_000_000)
    }

    /// Returns a limit of `seconds`, rounded up to the nanosecond.
    ///
    /// Not-a-number and negative numbers count as zero.
    public static func seconds(_ seconds: Double) -> TimeLimit {
        // Not-a-number fails this check too, because it compares as false.
        guard seconds > 0 else { return TimeLimit(.zero) }
        return seconds > 1e10 ? .never : TimeLimit(.microseconds(seconds * 1e6))
    }

    /// Returns a limit of `milliseconds`.
    public static func milliseconds(_ milliseconds: some BinaryInteger) -> TimeLimit {
        within(Int64(clamping: milliseconds), 1_000_000)
    }

    /// Returns a limit that ends at `instant`, which several operations can share.
    ///
    /// An instant more than 95 years after the clock's start counts as ``never``.
    public static func until(_ instant: ContinuousClock.Instant) -> TimeLimit {
        let nanoseconds = instant.nanosecondsRoundedUp
        return nanoseconds > Duration.longestNanoseconds
            ? .never : TimeLimit(untilNanoseconds: nanoseconds)
    }

    /// Creates a limit of `duration`, rounded up to the nanosecond.
    ///
    /// A negative duration counts as zero, and a duration of more than 95 years as ``never``.
    public init(_ duration: Duration) {
        packed = duration > .longest ? .max : UInt64(max(0, duration.nanosecondsRoundedUp))
    }

    /// Returns the instant at which the limit ends if it starts now, as a limit that several
    /// operations can share.
    ///
    /// ``never`` and a limit that is already an instant are returned unchanged.
    public func deadline() -> TimeLimit {
        guard case .within(let nanoseconds) = kind else { return self }
        return TimeLimit(untilNanoseconds: System.continuousNanoseconds() + nanoseconds)
    }

    /// Returns a limit of `count` units of time.
    @inline(__always)
    private static func within(_ count: Int64, _ unitNanoseconds: Int64) -> TimeLimit {
        guard count <= Duration.longestNanoseconds / unitNanoseconds else { return .never }
        return TimeLimit(nanoseconds: max(0, count) * unitNanoseconds)
    }

    /// The duration of the limit, or `nil` if it is an instant or ``never``.
    @inline(__always)
    var duration: Duration? {
        if case .within(let nanoseconds) = kind { .nanoseconds(nanoseconds) } else { nil }
    }

    /// The text of the limit: "2 s", "50 ms", "never", "until 2 s from now" or "until 2 s ago".
    public var description: String {
        switch kind {
        case .never: return "never"
        case .within(let nanoseconds): return Duration.nanoseconds(nanoseconds).brief
        case .until(let instant):
            let rest = Duration.nanoseconds(instant - System.continuousNanoseconds())
            return rest > .zero
                ? "until \(rest.brief) from now" : "until \((.zero - rest).brief) ago"
        }
    }
}

extension ContinuousClock.Instant {
    /// The instant in nanoseconds since the start of the continuous clock, rounded up.
    ///
    /// An instant more than 95 years before the start counts as 95 years before it. An instant more
    /// than 95 years after the start counts as `Int64.max`.
    fileprivate var nanosecondsRoundedUp: Int64 {
        let sinceStart = ContinuousClock().systemEpoch.duration(to: self)
        return sinceStart > .longest ? .max : sinceStart.nanosecondsRoundedUp
    }
}

extension Duration {
    /// The duration as a short text: "10 s", "0.5 s", "50 ms" or "0.2 ms".
    ///
    /// Durations of less than 0.1 ms are rounded up to "0.1 ms", so only zero is "0 ms".
    package var brief: String {
        let micros = nanosecondsRoundedUp / 1_000
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
