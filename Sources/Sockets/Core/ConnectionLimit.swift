internal import DequeModule

/// Limits the number of open connections and decides which waiter is next when a connection closes.
///
/// It performs no I/O. ``ConnectionSlots`` applies its decisions. Waiters are served in order of
/// arrival, so no shard of a full server starves.
struct ConnectionLimit<Waiter: AnyObject> {
    private let maximum: Int
    private(set) var used = 0
    /// The waiters for a free slot.
    private var slotWaiters = Deque<Waiter>()
    /// The waiters for the close of a connection, which frees a descriptor as well as a slot.
    private var releaseWaiters = Deque<Waiter>()

    /// Creates a limit of `maximum` connections, at least one, or no limit if `maximum` is `nil`.
    init(_ maximum: Int?) { self.maximum = max(1, maximum ?? .max) }

    /// Acquires a slot.
    ///
    /// Returns `false` if none is free.
    mutating func acquire() -> Bool {
        guard used < maximum else { return false }
        used += 1
        return true
    }

    /// Releases a slot that was acquired but not used.
    ///
    /// Returns the slot waiter to wake.
    ///
    /// A waiter for the close of a connection is not woken, because no descriptor became free.
    /// Otherwise two such waiters would wake each other in a loop.
    mutating func cancelAcquire() -> Waiter? {
        used -= 1
        return slotWaiters.popFirst()
    }

    /// Releases the slot of a closed connection.
    ///
    /// Returns the waiters to wake.
    mutating func release() -> (Waiter?, Waiter?) {
        used -= 1
        return (slotWaiters.popFirst(), releaseWaiters.popFirst())
    }

    /// Enqueues a waiter for a slot.
    ///
    /// Returns `false` if a slot is free, so the waiter need not wait.
    mutating func enqueueForSlot(_ waiter: Waiter) -> Bool {
        guard used >= maximum else { return false }
        slotWaiters.append(waiter)
        return true
    }

    /// Enqueues a waiter for the close of a connection.
    ///
    /// Returns `false` if fewer than `minimum` connections are open, so the waiter need not wait.
    mutating func enqueueForRelease(_ waiter: Waiter, ifAtLeast minimum: Int) -> Bool {
        guard used >= minimum else { return false }
        releaseWaiters.append(waiter)
        return true
    }

    /// Removes a waiter from both queues.
    mutating func dequeue(_ waiter: Waiter) {
        slotWaiters.removeAll { $0 === waiter }
        releaseWaiters.removeAll { $0 === waiter }
    }
}
