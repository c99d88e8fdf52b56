/// The slots of a server's connections, shared by the shards that accept into them.
final class ConnectionSlots: Sendable {
    private let limit: Lock<ConnectionLimit<Wakeup>>

    /// Creates `maximum` slots, at least one, or any number of them if it is `nil`.
    init(_ maximum: Int?) {
        limit = Lock(ConnectionLimit(maximum))
    }

    /// The number of slots in use.
    var used: Int { limit.withLock { $0.used } }

    /// Takes a slot.
    ///
    /// Returns `false` if none is free.
    func acquire() -> Bool { limit.withLock { $0.acquire() } }

    /// Gives back a slot that was not needed, because no client was waiting for it.
    func cancelAcquire() { limit.withLock { $0.cancelAcquire() }?.wake() }

    /// Gives back the slot of a connection that has closed.
    func release() {
        let (first, second) = limit.withLock { $0.release() }
        first?.wake()
        second?.wake()
    }

    /// Waits until a slot may be free, or returns at once if one is.
    ///
    /// The calling code has reset the wakeup, which others may wake for other reasons.
    func waitForSlot(_ wakeup: Wakeup, on loop: EventLoop) async {
        guard limit.withLock({ $0.enqueueForSlot(wakeup) }) else { return }
        await wakeup.wait(on: loop)
        limit.withLock { $0.dequeue(wakeup) }
    }

    /// Waits until a connection has closed or the instant has come.
    ///
    /// With fewer than `minimum` open connections, the call returns at once. See
    /// ``waitForSlot(_:on:)``.
    func waitForRelease(
        _ wakeup: Wakeup, ifAtLeast minimum: Int = 0, until instant: Int64, on loop: EventLoop
    ) async {
        guard limit.withLock({ $0.enqueueForRelease(wakeup, ifAtLeast: minimum) }) else { return }
        await wakeup.wait(until: instant, on: loop)
        limit.withLock { $0.dequeue(wakeup) }
    }
}
