import Glibc
import Synchronization

/// A place where threads wait for each other, so that what follows is a race.
///
/// They wait by looking again and again: whoever sleeps wakes too late to race anybody.
final class Rendezvous: Sendable {
    private let count: Int
    private let arrivals = Atomic<Int>(0)

    init(_ count: Int) { self.count = count }

    /// Returns when as many threads have come as there are.
    func meet() {
        let mine = arrivals.add(1, ordering: .acquiringAndReleasing).oldValue
        let complete = (mine / count + 1) * count
        while arrivals.load(ordering: .acquiring) < complete { sched_yield() }
    }
}
