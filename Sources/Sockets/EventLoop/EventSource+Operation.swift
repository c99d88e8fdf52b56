internal import Synchronization
internal import SystemPackage

extension EventSource {
    /// Calls `attempt` until it succeeds or fails, and waits whenever it would block.
    ///
    /// If another call may succeed at once, `attempt` must call `setReady` on the direction's
    /// ``ReadinessWord``. `Socket.perform` is the blocking counterpart.
    @inline(__always)
    func perform<Result: ~Copyable>(
        _ direction: Direction, _ deadline: inout Deadline,
        attempt: (Int32) throws(Errno) -> Result
    ) async throws(WaitFailure) -> Result {
        await yieldIfNeeded()
        while true {
            // Skip the attempt if the task is cancelled, because `wait` reports the cancellation.
            if withState(direction, { $0.word.isReady }), direction == .writing || !shouldStop {
                withState(direction) { $0.word.clear() }
                if direction == .writing { isAttemptingWrite.store(true, ordering: .relaxed) }
                defer {
                    if direction == .writing {
                        isAttemptingWrite.store(false, ordering: .releasing)
                    }
                }
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
                        connectionError?.note(error)
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
    /// Otherwise, a task whose peer always keeps up would never suspend.
    @inline(__always)
    func yieldIfNeeded() async {
        if _fastPath(consumeOperation()) { return }
        await Task.yield()
        loop.resumeAfterYield()
    }

    /// Whether the task is cancelled.
    ///
    /// Without this check, a task whose peer always keeps up would never wait, and so never notice
    /// its cancellation. On the loop's thread, the property checks only after a yield. On other
    /// threads, no operations are counted towards a yield, so each operation checks.
    ///
    /// Read this property after `yieldIfNeeded`. That function does not return the value, because
    /// then the frame of every waiting task would store the result.
    @inline(__always)
    var shouldStop: Bool { _slowPath(consumeCancellationCheck()) && Task.isCancelled }

    /// Claims a direction for one operation.
    ///
    /// Until `end`, other operations in the direction fail with `busy`, and a concurrent `close`
    /// does not release the descriptor. ``beginWriting(_:)`` waits instead of failing.
    @inline(__always)
    func begin(_ direction: Direction) throws(WaitFailure) {
        guard enter() else { throw WaitFailure(.closed) }
        let isFree =
            switch direction {
            case .reading: !isReading.exchange(true, ordering: .acquiring)
            case .writing: writers.take()
            }
        guard isFree else {
            leave()
            throw WaitFailure(.busy)
        }
    }

    /// Claims the writing direction for one operation, after the operations that came before.
    @inline(__always)
    func beginWriting(_ deadline: inout Deadline) async throws(WaitFailure) {
        guard enter() else { throw WaitFailure(.closed) }
        if _fastPath(writers.take()) { return }
        do throws(WaitFailure) {
            try await writers.wait(until: &deadline, on: loop) { lifetime.isClosed }
        } catch {
            leave()
            throw error
        }
    }

    /// Gives up the direction that `begin` or `beginWriting` has claimed.
    @inline(__always)
    func end(_ direction: Direction) {
        switch direction {
        case .reading: isReading.store(false, ordering: .releasing)
        case .writing: writers.end()
        }
        leave()
    }
}
