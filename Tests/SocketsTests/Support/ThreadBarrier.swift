import Glibc
import Synchronization

/// A barrier for threads, so that the code after it is a race.
///
/// The threads spin, because a sleeping thread would wake too late for a race.
final class ThreadBarrier: Sendable {
    private let count: Int
    private let arrivals = Atomic<Int>(0)

    init(_ count: Int) { self.count = count }

    /// Returns when all threads have called this method.
    func wait() {
        let mine = arrivals.add(1, ordering: .acquiringAndReleasing).oldValue
        let complete = (mine / count + 1) * count
        while arrivals.load(ordering: .acquiring) < complete { sched_yield() }
    }
}
