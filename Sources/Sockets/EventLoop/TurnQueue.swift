internal import DequeModule
internal import Synchronization

/// A queue that gives the turn, for example to write, to one task at a time, in order of arrival.
///
/// If no other task wants the turn, taking it and ending it cost one atomic operation each. The
/// list of waiting tasks is created when the first task has to wait.
struct TurnQueue: ~Copyable {
    /// A task that waits for its turn.
    final class Waiter: Sendable {
        let wakeup = Wakeup()
        let hasTurn = Atomic<Bool>(false)
    }

    static let free: UInt8 = 0
    private static let taken: UInt8 = 1
    /// The turn is taken, and tasks wait for it.
    private static let awaited: UInt8 = 2

    let state = Atomic<UInt8>(free)
    /// The waiting tasks.
    ///
    /// The first task that has to wait creates this object, because most queues never need it.
    private let waitersIfCreated = LazyReference<Lock<Deque<Waiter>>>()

    /// Takes the turn.
    ///
    /// Returns `false` if another task has it.
    @inline(__always)
    func take() -> Bool {
        state.compareExchange(
            expected: Self.free, desired: Self.taken, ordering: .acquiring
        ).exchanged
    }

    /// Ends the turn, and gives it to the task that has waited longest.
    @inline(__always)
    func end() {
        let (isFree, _) = state.compareExchange(
            expected: Self.taken, desired: Self.free, ordering: .releasing)
        if _slowPath(!isFree) { pass() }
    }

    /// Waits for the turn.
    ///
    /// - Parameters:
    ///   - deadline: The limit of the operation, which includes the wait.
    ///   - loop: The loop whose clock ends the wait.
    ///   - isClosed: Whether the descriptor is closed. The code that closes it calls `wakeAll`.
    /// - Throws: The cause if the descriptor is closed, the task is cancelled or the deadline
    ///   passes before the turn comes.
    @inline(never)
    func wait(
        until deadline: inout Deadline, on loop: EventLoop, isClosed: () -> Bool
    ) async throws(WaitFailure) {
        guard let waiter = enqueue() else { return }
        while true {
            waiter.wakeup.reset()
            if waiter.hasTurn.load(ordering: .acquiring) {
                guard isClosed() else { return }
                end()
                throw WaitFailure(.closed)
            }
            let cause: SocketError.Cause? =
                if isClosed() {
                    .closed
                } else if Task.isCancelled {
                    .cancelled
                } else {
                    deadline.hasPassed ? deadline.cause : nil
                }
            if let cause {
                leave(waiter)
                throw WaitFailure(cause)
            }
            await waiter.wakeup.wait(until: deadline.start(), on: loop)
        }
    }

    /// Wakes all waiting tasks, because the descriptor was closed.
    @inline(__always)
    func wakeAll() {
        if _slowPath(waitersIfCreated.isCreated) { wakeWaiters() }
    }

    @inline(never)
    private func wakeWaiters() {
        for waiter in waiters.withLock({ Array($0) }) { waiter.wakeup.wake() }
    }

    /// Joins the queue, or returns `nil` if the turn became free and now belongs to the calling
    /// task.
    private func enqueue() -> Waiter? {
        waiters.withLock { waiters in
            // While the state is `awaited`, it only changes under this lock.
            if state.exchange(Self.awaited, ordering: .acquiringAndReleasing) == Self.free {
                state.store(Self.taken, ordering: .releasing)
                return nil
            }
            let waiter = Waiter()
            waiters.append(waiter)
            return waiter
        }
    }

    /// Leaves the queue, and passes the turn on if it has come meanwhile.
    private func leave(_ waiter: Waiter) {
        let hasTurn = waiters.withLock { waiters in
            if waiter.hasTurn.load(ordering: .relaxed) { return true }
            waiters.removeAll { $0 === waiter }
            if waiters.isEmpty { state.store(Self.taken, ordering: .releasing) }
            return false
        }
        if hasTurn { end() }
    }

    @inline(never)
    private func pass() {
        let next = waiters.withLock { waiters in
            let next = waiters.popFirst()
            if waiters.isEmpty {
                state.store(next == nil ? Self.free : Self.taken, ordering: .releasing)
            }
            next?.hasTurn.store(true, ordering: .releasing)
            return next
        }
        next?.wakeup.wake()
    }

    var waiters: Lock<Deque<Waiter>> {
        waitersIfCreated.object { Lock(Deque<Waiter>()) }
    }
}
