internal import Glibc

extension System {
    /// clock_gettime(2) with `CLOCK_BOOTTIME`, in nanoseconds: the clock that Swift calls continuous,
    /// which goes on while the machine sleeps.
    // Not inlined, because its stack space would be in the frame of every waiting task.
    /// clock_gettime(2) with `CLOCK_BOOTTIME`, in nanoseconds.
    ///
    /// Swift's continuous clock is the same: it also counts while the machine sleeps.
    @inline(never)
    package static func continuousNanoseconds() -> Int64 {
        #if DEBUG
            if let kernel = Simulation.kernel { return kernel.nanoseconds }
        #endif
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

extension Duration {
    /// The longest limit, 95 years, in nanoseconds.
    ///
    /// Longer limits count as none, so that no sum with a clock can overflow.
    package static let longestNanoseconds: Int64 = 3_000_000_000_000_000_000

    /// The longest limit, 95 years.
    ///
    /// It is made of whole nanoseconds, because making one from a `Double` costs more than the rest
    /// of an operation.
    package static var longest: Duration { .nanoseconds(longestNanoseconds) }

    /// The duration, limited to 95 years either way, so that no sum or product with it can
    /// overflow.
    package var clamped: Duration { min(max(self, .zero - .longest), .longest) }

    /// The clamped duration in nanoseconds, rounded up, so that nothing ends before its time.
    ///
    /// Every conversion of a duration to an integer goes through this one.
    package var nanosecondsRoundedUp: Int64 {
        let (seconds, attoseconds) = clamped.components
        let (whole, rest) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return seconds * 1_000_000_000 + whole + (rest > 0 ? 1 : 0)
    }
}
