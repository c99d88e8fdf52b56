internal import Synchronization
internal import SystemPackage

// Waiting for the end of a connection without reading.
extension EventSource {
    /// Waits until the peer has half-closed or closed the connection, or until the connection has
    /// broken.
    ///
    /// Other tasks may read and write meanwhile.
    func awaitHangup(_ deadline: inout Deadline) async throws(WaitFailure) {
        guard enter() else { throw WaitFailure(.closed) }
        defer { leave() }
        let wakeup = Wakeup()
        let wakeups = rareWakeups.object { RareWakeups() }.hangups
        wakeups.withLock { $0.append(wakeup) }
        defer { wakeups.withLock { $0.removeAll { $0 === wakeup } } }
        while true {
            wakeup.reset()
            let hasHungUp: Bool
            do throws(Errno) {
                hasHungUp = try System.hasHungUp(descriptor)
            } catch {
                throw WaitFailure(.system(error))
            }
            // Check this afterwards, because the shutdown in `close` looks like a hang-up.
            if lifetime.isClosed { throw WaitFailure(.closed) }
            if hasHungUp { return }
            if Task.isCancelled { throw WaitFailure(.cancelled) }
            if deadline.hasPassed { throw WaitFailure(deadline.cause) }
            await wakeup.wait(until: deadline.start(), on: loop)
        }
    }

    /// Wakes the tasks that wait in `awaitHangup`.
    @inline(never)
    func wakeHangups() {
        guard let wakeups = rareWakeups.objectIfCreated?.hangups else { return }
        for wakeup in wakeups.withLock({ $0 }) { wakeup.wake() }
    }
}
