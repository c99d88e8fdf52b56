internal import Synchronization
internal import SystemPackage

extension EventSource {
    /// Calls `attempt` until it succeeds or fails, and waits whenever it would block.
    ///
    /// If another call may succeed at once, `attempt` must call `setReady` on the direction's
    /// ``ReadinessWord``. `Socket.perform` is the blocking counterpart.
    ///
    /// The attribute is `@inline(always)`, because the compiler may decide not to inline a function
    /// with `@inline(__always)`. That would cost 9 % of a round trip.
    @inline(always)
    func perform<Result: ~Copyable>(
        _ direction: Direction, _ deadline: inout Deadline,
        attempt: (Int32) throws(Errno) -> Result
    ) async throws(WaitFailure) -> Result {
        try await yieldIfNeeded()
        while true {
            // `close` does not shut a shared socket down, so the attempt could still succeed.
            if _slowPath(isShared.load(ordering: .relaxed)), lifetime.isClosed {
                throw WaitFailure(.closed)
            }
            // Skip the attempt if the task is cancelled, because `wait` reports the cancellation.
            if withState(direction, { $0.word.isReady }), direction == .writing || !shouldStop {
                withState(direction) { $0.word.clear() }
                do throws(Errno) {
                    return try attempt(descriptor)
                } catch {
                    if lifetime.isClosed { throw WaitFailure(.closed) }
                    switch error {
                    case .interrupted:
                        withState(direction) { $0.word.setReady() }
                        continue
                    case .wouldBlock:
                        break
                    default:
                        // The error is persistent, so leave the direction ready. Later calls then
                        // fail at once.
                        withState(direction) { $0.word.setReady() }
                        throw WaitFailure(.system(error))
                    }
                }
            }
            if lifetime.isClosed { throw WaitFailure(.closed) }
            if deadline.hasPassed { throw WaitFailure(deadline.cause) }
            guard await wait(direction, until: deadline.start()) else {
                throw WaitFailure(.cancelled)
            }
        }
    }

    /// Counts one operation, and yields to other tasks when the current job has used its budget.
    ///
    /// Otherwise, a task whose peer always keeps up would never suspend. Such a task never waits
    /// either, so the limit of a `withTimeLimit` would not end it. So this function also checks
    /// that limit. While no `withTimeLimit` is active, operations within the budget do not pay for
    /// the check.
    ///
    /// - Throws: `timedOut` if the limit of the current `withTimeLimit` has passed.
    @inline(__always)
    func yieldIfNeeded() async throws(WaitFailure) {
        if _fastPath(consumeOperation()) { return }
        if loop.mustYield {
            await Task.yield()
            loop.resumeAfterYield()
        }
        try TimeLimitScope.check()
    }

    /// A Boolean value that indicates whether the task is cancelled.
    ///
    /// A task notices its cancellation when it waits. A task whose peer always keeps up never
    /// waits, so it must read this property. On the loop's thread, the property checks for
    /// cancellation only after a yield. On other threads, operations are not counted towards a
    /// yield, so each operation checks.
    ///
    /// Read this property after `yieldIfNeeded`. That function does not return the value, because
    /// storing the result would enlarge the frame of every waiting task.
    @inline(__always)
    var shouldStop: Bool { _slowPath(consumeCancellationCheck()) && Task.isCancelled }

    /// Claims the reading direction for one operation.
    ///
    /// Until `endReading`, other reading operations fail with `busy`, and a concurrent `close` does
    /// not release the descriptor.
    @inline(__always)
    func beginReading() throws(WaitFailure) {
        guard enter() else { throw WaitFailure(.closed) }
        guard !isReading.exchange(true, ordering: .acquiring) else {
            leave()
            throw WaitFailure(.busy)
        }
    }

    /// Gives up the reading direction.
    @inline(__always)
    func endReading() {
        isReading.store(false, ordering: .releasing)
        leave()
    }

    /// Claims the writing direction for one operation.
    ///
    /// Fails with `busy` if another operation has claimed it.
    func beginWritingAtOnce() throws(WaitFailure) {
        guard enter() else { throw WaitFailure(.closed) }
        guard writers.take() else {
            leave()
            throw WaitFailure(.busy)
        }
    }

    /// Claims the writing direction for one operation, after the operations that came before.
    @inline(__always)
    func beginWriting(_ deadline: inout Deadline) async throws(WaitFailure) {
        guard enter() else { throw WaitFailure(.closed) }
        if _fastPath(writers.take()) { return }
        try await waitToWrite(&deadline)
    }

    /// Waits for the turn to write, and calls `leave` if the turn does not come.
    @inline(never)
    private func waitToWrite(_ deadline: inout Deadline) async throws(WaitFailure) {
        do throws(WaitFailure) {
            try await writers.wait(until: &deadline, on: loop) { lifetime.isClosed }
        } catch {
            leave()
            throw error
        }
    }

    /// Gives up the writing direction, which passes to the operation that has waited longest.
    @inline(__always)
    func endWriting() {
        writers.end()
        leave()
    }
}
