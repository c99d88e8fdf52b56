/// A wait for one task at a time that ends when another task or thread wakes it, or at an instant.
///
/// ```swift
/// wakeup.reset()
/// if !isDone { await wakeup.wait(until: instant, on: loop) }
/// ```
///
/// Change the condition first and call ``wake()`` afterwards. A wake after `reset` is never lost.
/// Waits may end early, so waiters must recheck their condition.
final class Wakeup: TimerTarget, Sendable {
    private let word = ReadinessWord()

    /// Discards earlier wakes.
    func reset() {
        word.clear()
        // The condition that the task checks next must not have been read before.
        ReadinessWord.publish()
    }

    /// Ends the current wait, or the next one.
    func wake() {
        ReadinessWord.publish()
        word.wake()
    }

    /// Waits for a wake, for the instant of the continuous clock (`Int64.max` is never), or for the
    /// cancellation of the task.
    func wait(until instant: Int64 = .max, on loop: EventLoop) async {
        if instant != .max {
            loop.perform { $0.schedule(self, .reading, at: instant) }
        }
        await withTaskCancellationHandler {
            await word.park()
        } onCancel: {
            wake()
        }
    }

    func timerFired(_: EventSource.Direction, _: Int64) -> Int64? {
        wake()
        return nil
    }
}
