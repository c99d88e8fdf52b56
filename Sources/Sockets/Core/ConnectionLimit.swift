internal import DequeModule

/// Decides how many connections may be open, and which waiter is next when one closes.
///
/// This is a decision without I/O; ``ConnectionSlots`` applies it. Waiters are served in order of
/// arrival, so that no shard of a full server starves.
struct ConnectionLimit<Waiter: AnyObject> {
    private let maximum: Int
    private(set) var used = 0
    /// The waiters for a free slot.
    private var slotWaiters = Deque<Waiter>()
    /// The waiters for a closed connection, which gives back more than a slot: a descriptor.
    private var releaseWaiters = Deque<Waiter>()

    /// Creates a limit of `maximum` connections, at least one, or no limit if it is `nil`.
    init(_ maximum: Int?) {
        self.maximum = max(1, maximum ?? .max)
    }

    /// Takes a slot.
    ///
    /// Returns `false` if none is free.
    mutating func acquire() -> Bool {
        guard used < maximum else { return false }
        used += 1
        return true
    }

    /// Gives back a slot that was not needed.
    ///
    /// Returns the waiter to wake.
    ///
    /// No descriptor became free, so this wakes no waiter for one. Two of them would wake each other
    /// in a loop.
    mutating func cancelAcquire() -> Waiter? {
        used -= 1
        return slotWaiters.popFirst()
    }

    /// Gives back the slot of a connection that has closed.
    ///
    /// Returns the waiters to wake.
    mutating func release() -> (Waiter?, Waiter?) {
        used -= 1
        return (slotWaiters.popFirst(), releaseWaiters.popFirst())
    }

    /// Enqueues a waiter for a slot.
    ///
    /// Returns `false` if a slot is free, so that it need not wait.
    mutating func enqueueForSlot(_ waiter: Waiter) -> Bool {
        guard used >= maximum else { return false }
        slotWaiters.append(waiter)
        return true
    }

    /// Enqueues a waiter for the close of a connection.
    ///
    /// Returns `false` if fewer than `minimum` connections are open, so that it need not wait.
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
