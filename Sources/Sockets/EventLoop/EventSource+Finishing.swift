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
    ///
    /// It wakes no task, because even the check costs 5 % of a line.
    @inline(__always)
    func endLine() { isReading.store(false, ordering: .releasing) }

    /// Wakes the task that waits in `waitForReader`.
    @inline(never)
    func wakeFinisher() { operationEnd.objectIfCreated?.wake() }

    /// Waits until no task is reading, and claims the reading direction.
    private func waitForReader(_ deadline: inout Deadline) async throws(WaitFailure) {
        if !finishers.take() {
            try await finishers.wait(until: &deadline, on: loop) { lifetime.isClosed }
        }
        defer { finishers.end() }
        // The wakeup lives as long as the source, because an operation that ends may still use it.
        let wakeup = operationEnd.object { Wakeup() }
        lifetime.startAwaiting()
        defer { lifetime.stopAwaiting() }
        // The end of a read wakes this task, but `endLine` does not. A line is used without waiting, so
        // look again after 1 ms, 2 ms, 4 ms and so on, up to 16 ms.
        var pause: Int64 = 1_000_000
        while true {
            wakeup.reset()
            if !isReading.exchange(true, ordering: .acquiring) { return }
            if lifetime.isClosed { throw WaitFailure(.closed) }
            if deadline.hasPassed { throw WaitFailure(deadline.cause) }
            if Task.isCancelled { throw WaitFailure(.cancelled) }
            let end = System.continuousNanoseconds() + pause
            pause = min(2 * pause, 16_000_000)
            await wakeup.wait(until: min(deadline.start(), end), on: loop)
        }
    }
}
