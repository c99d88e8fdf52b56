/// A wait that ends when its time comes, or when somebody rings; for one task at a time.
///
/// ```swift
/// alarm.reset()
/// if !isDone { await alarm.wait(until: instant, on: loop) }
/// ```
///
/// Whoever changes what is waited for rings afterwards; a ring after `reset` is never lost. Waits
/// may end early: who waits looks for himself.
final class Wakeup: TimerTarget, Sendable {
    private let word = ReadinessWord()

    /// Forgets earlier rings.
    func reset() {
        word.clear()
        // What is looked at next must not have been read before.
        ReadinessWord.publish()
    }

    /// Ends the wait, or the next one.
    func ring() {
        ReadinessWord.publish()
        word.wake()
    }

    /// Waits for a ring, for the instant by the loop's clock (`Int64.max` is never), or for the
    /// task to be cancelled.
    func wait(until instant: Int64 = .max, on loop: EventLoop) async {
        if instant != .max {
            loop.perform { $0.schedule(self, .reading, at: instant) }
        }
        await withTaskCancellationHandler {
            await word.park()
        } onCancel: {
            ring()
        }
    }

    func timerFired(_: EventSource.Direction, _: Int64) -> Int64? {
        ring()
        return nil
    }
}
