/// The slots for a server's connections, which all shards of the server share.
final class ConnectionSlots: Sendable {
    private let limit: Lock<ConnectionLimit<Wakeup>>

    /// Creates `maximum` slots, at least one, or an unlimited number if `maximum` is `nil`.
    init(_ maximum: Int?) { limit = Lock(ConnectionLimit(maximum)) }

    /// The number of slots in use.
    var used: Int { limit.withLock { $0.used } }

    /// Acquires a slot.
    ///
    /// Returns `false` if none is free.
    func acquire() -> Bool { limit.withLock { $0.acquire() } }

    /// Releases a slot that was acquired but not used, for example because no client was waiting.
    func cancelAcquire() { limit.withLock { $0.cancelAcquire() }?.wake() }

    /// Releases the slot of a closed connection.
    func release() {
        let (first, second) = limit.withLock { $0.release() }
        first?.wake()
        second?.wake()
    }

    /// Waits until a slot may be free or the instant is reached, or returns at once if a slot is
    /// free.
    ///
    /// The caller must reset the wakeup before the call. After the call, it must check again
    /// whether a slot is free, because the wakeup may be spurious.
    func waitForSlot(_ wakeup: Wakeup, until instant: Int64 = .max, on loop: EventLoop) async {
        guard limit.withLock({ $0.enqueueForSlot(wakeup) }) else { return }
        await wakeup.wait(until: instant, on: loop)
        limit.withLock { $0.dequeue(wakeup) }
    }

    /// Waits until a connection has closed or the instant is reached.
    ///
    /// If fewer than `minimum` connections are open, the call returns at once. The caller must
    /// handle `wakeup` as for ``waitForSlot(_:until:on:)``.
    func waitForRelease(
        _ wakeup: Wakeup, ifAtLeast minimum: Int = 0, until instant: Int64, on loop: EventLoop
    ) async {
        guard limit.withLock({ $0.enqueueForRelease(wakeup, ifAtLeast: minimum) }) else { return }
        await wakeup.wait(until: instant, on: loop)
        limit.withLock { $0.dequeue(wakeup) }
    }
}
