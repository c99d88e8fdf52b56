import Sockets
import Synchronization

/// The times at which bytes last moved, measured from the creation of the clock.
///
/// The threads and tasks that transfer bytes record these times. Another thread or task reads them
/// to find out how long a connection has been idle.
final class ActivityClock: Sendable {
    private let start = System.continuousNanoseconds()
    private let activity = Atomic<Int64>(0)
    private let receive = Atomic<Int64>(0)
    private let isWriting = Atomic<Bool>(false)

    /// The time since the clock was created.
    var now: Duration { .nanoseconds(nanoseconds) }

    private var nanoseconds: Int64 { System.continuousNanoseconds() - start }

    /// Records that a byte has moved now.
    func touch() {
        activity.store(nanoseconds, ordering: .relaxed)
    }

    /// Records that bytes have arrived and will now be written to standard output.
    func didReceive() {
        touch()
        isWriting.store(true, ordering: .relaxed)
    }

    /// Records that the received bytes have been written.
    func didWrite() {
        let now = nanoseconds
        activity.store(now, ordering: .relaxed)
        receive.store(now, ordering: .relaxed)
        isWriting.store(false, ordering: .releasing)
    }

    /// The time at which a byte last moved in either direction.
    var lastActivity: Duration { .nanoseconds(activity.load(ordering: .relaxed)) }

    /// The time at which the last received bytes were written to standard output, or the current
    /// time while they are being written.
    var lastReceive: Duration {
        if isWriting.load(ordering: .acquiring) { return now }
        return .nanoseconds(receive.load(ordering: .relaxed))
    }
}
