internal import Synchronization

// Waiting until another task has stopped reading.
extension EventSource {
    /// Claims the reading direction for one operation, after the operation that has claimed it.
    ///
    /// Other reading operations do not wait, so only the end of a connection uses this method.
    func beginReadingLast(_ deadline: inout Deadline) async throws(WaitFailure) {
        guard enter() else { throw WaitFailure(.closed) }
        if !isReading.exchange(true, ordering: .acquiring) { return }
        do throws(WaitFailure) {
            try await waitForReader(&deadline)
        } catch {
            leave()
            throw error
        }
    }

    /// Gives up the reading direction after the use of a line, which needs no descriptor.
    @inline(__always)
    func endLine() {
        isReading.store(false, ordering: .releasing)
        if _slowPath(lifetime.isAwaited) { wakeFinisher() }
    }

    /// Wakes the task that waits in `waitForReader`.
    @inline(never)
    func wakeFinisher() { operationEnd.objectIfCreated?.wake() }

    /// Waits until no task is reading, and claims the reading direction.
    private func waitForReader(_ deadline: inout Deadline) async throws(WaitFailure) {
        if !finishers.take() {
            try await finishers.wait(until: &deadline, on: loop) { lifetime.isClosed }
        }
        defer { finishers.end() }
        // It stays until the source is released, because an operation that ends may still use it.
        let wakeup = operationEnd.object { Wakeup() }
        lifetime.startAwaiting()
        defer { lifetime.stopAwaiting() }
        // To be as fast as a plain store, `endLine` changes no word that this task has changed. So it
        // may have looked just before `startAwaiting`, and the first wait is short.
        var end = System.continuousNanoseconds() + 1_000_000
        while true {
            wakeup.reset()
            if !isReading.exchange(true, ordering: .acquiring) { return }
            if lifetime.isClosed { throw WaitFailure(.closed) }
            if deadline.hasPassed { throw WaitFailure(deadline.cause) }
            if Task.isCancelled { throw WaitFailure(.cancelled) }
            await wakeup.wait(until: min(deadline.start(), end), on: loop)
            end = .max
        }
    }
}
