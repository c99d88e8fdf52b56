internal import Glibc

extension System {
    /// Returns the time of Swift's continuous clock in nanoseconds: clock_gettime(2) with
    /// `CLOCK_BOOTTIME`.
    ///
    /// This clock also advances while the machine sleeps. The function is not inlined, because its
    /// stack space would otherwise be part of the frame of every waiting task.
    @inline(never)
    package static func continuousNanoseconds() -> Int64 {
        if let kernel = Simulation.kernel { return kernel.nanoseconds }
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

extension Duration {
    /// The longest limit, 95 years, in nanoseconds.
    ///
    /// Longer limits are treated as no limit, so that adding a limit to a clock's time cannot
    /// overflow.
    package static let longestNanoseconds: Int64 = 3_000_000_000_000_000_000

    /// The longest limit, 95 years.
    ///
    /// The duration is created from an integer, because creating it from a `Double` costs more than
    /// the rest of an operation.
    package static var longest: Duration { .nanoseconds(longestNanoseconds) }

    /// The duration, limited to ±95 years, so that sums and products with it cannot overflow.
    package var clamped: Duration { min(max(self, .zero - .longest), .longest) }

    /// The clamped duration in nanoseconds, rounded up so that no time limit ends early.
    ///
    /// Every conversion of a duration to an integer uses this property.
    package var nanosecondsRoundedUp: Int64 {
        let (seconds, attoseconds) = clamped.components
        let (whole, rest) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return seconds * 1_000_000_000 + whole + (rest > 0 ? 1 : 0)
    }
}
