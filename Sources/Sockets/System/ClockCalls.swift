internal import Glibc

extension System {
    /// clock_gettime(2) with `CLOCK_MONOTONIC`, in nanoseconds: the clock of event loops.
    @inline(__always)
    static func monotonicNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
