internal import Synchronization

// Methods that wait until another task has stopped reading.
extension EventSource {
    /// Waits until no other operation reads, and claims the reading direction for one operation.
    ///
    /// Only code that finishes a connection calls this method. All other reading operations fail
    /// instead of waiting.
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

    /// Gives up the reading direction after the bytes of a buffered line were used.
    ///
    /// It wakes no task, because even the check for a waiting task costs 5 % of the time for a
    /// line.
    @inline(__always)
    func endLine() { isReading.store(false, ordering: .releasing) }

    /// Wakes the task that waits in `waitForReader`.
    @inline(never)
    func wakeFinisher() { rareWakeups.objectIfCreated?.operationEnd.wake() }

    /// Waits until no task is reading, and claims the reading direction.
    private func waitForReader(_ deadline: inout Deadline) async throws(WaitFailure) {
        if !finishers.take() {
            try await finishers.wait(until: &deadline, on: loop) { lifetime.isClosed }
        }
        defer { finishers.end() }
        // The wakeup lives as long as the source, because an operation that ends may still use it.
        let wakeup = rareWakeups.object { RareWakeups() }.operationEnd
        lifetime.startAwaiting()
        defer { lifetime.stopAwaiting() }
        // The end of a read wakes this task, but `endLine` does not. So recheck after 1 ms, 2 ms, 4
        // ms and so on, up to 16 ms. Such short pauses suffice, because an operation never waits
        // between finding a line and `endLine`.
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
