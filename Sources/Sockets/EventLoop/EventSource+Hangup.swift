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
        notifyOfHangups(wakeup)
        defer { stopNotifying(wakeup) }
        while true {
            wakeup.reset()
            let hasHungUp: Bool
            do throws(Errno) {
                hasHungUp = try System.hasHungUp(descriptor)
            } catch {
                throw WaitFailure(.system(error))
            }
            // Check for a close after the system call, because the shutdown in `close` looks like a
            // hang-up.
            if lifetime.isClosed { throw WaitFailure(.closed) }
            if hasHungUp { return }
            if Task.isCancelled { throw WaitFailure(.cancelled) }
            if deadline.hasPassed { throw WaitFailure(deadline.cause) }
            await wakeup.wait(until: deadline.start(), on: loop)
        }
    }

    /// Registers an observer to wake when the connection may have hung up or is closed on this
    /// side.
    ///
    /// The registration lasts until `stopNotifying`.
    func notifyOfHangups(_ observer: any HangupObserver) {
        rareWakeups.object { RareWakeups() }.hangupObservers.withLock { $0.append(observer) }
    }

    func stopNotifying(_ observer: any HangupObserver) {
        rareWakeups.objectIfCreated?.hangupObservers.withLock {
            $0.removeAll { $0 === observer }
        }
    }

    /// Wakes the observers of hang-ups.
    @inline(never)
    func reportHangup() {
        guard let observers = rareWakeups.objectIfCreated?.hangupObservers else { return }
        for observer in observers.withLock({ $0 }) { observer.wake() }
    }
}

/// An object that is woken when a connection may have hung up or is closed on this side.
protocol HangupObserver: AnyObject, Sendable {
    /// Wakes the waiting tasks, which then recheck their conditions.
    func wake()
}

extension Wakeup: HangupObserver {}

// Each direction of a join waits for only one of the two connections at a time, so each connection
// also observes the other one.
extension EventSource: HangupObserver {
    func wake() {
        ReadinessWord.publish()
        reading.word.wake()
        writing.word.wake()
    }
}
