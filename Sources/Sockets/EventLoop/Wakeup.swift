/// A way for one task at a time to wait until another task or thread wakes it, or until an instant.
///
/// ```swift
/// wakeup.reset()
/// if !isDone { await wakeup.wait(until: instant, on: loop) }
/// ```
///
/// To wake the task, change the condition first and call ``wake()`` afterwards. A wake after
/// `reset` is never lost. Waits may end early, so waiters must recheck their condition.
final class Wakeup: TimerTarget, @unchecked Sendable {
    // Safe: only the thread of the loop uses `timer`.
    private let word = ReadinessWord()
    private var timer: TimerQueue.Timer?

    /// Discards earlier wakes.
    func reset() {
        word.clear()
        // Issue a memory fence, so that the word is cleared before the waiter checks its condition.
        ReadinessWord.publish()
    }

    /// Ends the current wait, or the next wait.
    func wake() {
        ReadinessWord.publish()
        word.wake()
    }

    /// Waits until `wake` is called, the instant on the continuous clock is reached (`Int64.max`
    /// means never), or the task is cancelled.
    func wait(until instant: Int64 = .max, on loop: EventLoop) async {
        if instant != .max {
            loop.perform { self.timer = $0.schedule(self, .reading, at: instant) }
        }
        await withTaskCancellationHandler {
            await word.park()
        } onCancel: {
            wake()
        }
        if instant != .max {
            // Cancel the timer. Otherwise, a wait that ended early would keep this object in memory
            // until the instant.
            loop.perform { _ in
                self.timer?.cancel()
                self.timer = nil
            }
        }
    }

    func timerFired(_: EventSource.Direction, _: Int64) -> Int64? {
        wake()
        return nil
    }
}
