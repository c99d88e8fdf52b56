internal import Glibc

extension System {
    /// clock_gettime(2) with `CLOCK_BOOTTIME`, in nanoseconds: the clock that Swift calls continuous,
    /// which goes on while the machine sleeps.
    // Not inlined: its room would be in the frame of every task that waits.
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
