internal import Synchronization

/// The state of one direction of a source in one atomic word: idle, ready, or the waiting task.
///
/// The poller is edge-triggered and reports each event once, so the word stays ready until an
/// attempt would block. Waking leaves the word ready, so a wakeup before the wait is not lost.
/// Wakeups may be spurious, so waiters must recheck their condition.
struct ReadinessWord: ~Copyable {
    private static let idle: UInt = 0
    private static let ready: UInt = 1

    private let word = Atomic<UInt>(ready)

    @inline(__always)
    var isReady: Bool { word.load(ordering: .acquiring) == Self.ready }

    /// Makes the word idle before an attempt.
    ///
    /// From then on, only an event or `setReady` makes the word ready.
    @inline(__always)
    func clear() { word.store(Self.idle, ordering: .releasing) }

    /// Makes the word ready.
    ///
    /// Call this method if another attempt may succeed but no event will report that.
    @inline(__always)
    func setReady() { word.store(Self.ready, ordering: .releasing) }

    /// Issues a memory fence.
    ///
    /// Call it between a change of this program's state and the `wake` that reports the change. A
    /// `wake` that reports an event of the kernel needs no fence.
    ///
    /// `wake` reads the word before it writes the word. Without the fence, a processor may read the
    /// word before other processors see the change. If it reads "ready", `wake` does nothing. The
    /// waiter may then clear the word, miss the change and wait forever.
    @inline(__always)
    static func publish() { atomicMemoryFence(ordering: .sequentiallyConsistent) }

    /// Makes the word ready, and resumes the waiting task if there is one.
    @inline(__always)
    func wake() {
        // A ready word needs no wakeup, because the waiter clears the word before its next attempt,
        // which then detects the change.
        if isReady { return }
        let old = word.exchange(Self.ready, ordering: .acquiringAndReleasing)
        guard old > Self.ready else { return }
        // Safe because `park` stored these bits and the exchange removed them, so no other thread
        // resumes the continuation.
        unsafeBitCast(old, to: UnsafeContinuation<Void, Never>.self).resume()
    }

    /// Waits until `wake` is called, or returns at once if `wake` was called since the last
    /// `clear`.
    @inline(__always)
    func park() async {
        // Use this form because it has no isolation parameter. With such a parameter, the task
        // would be switched to its current executor before each wait, which costs 80 ns.
        await _unsafeInheritExecutor_withUnsafeContinuation {
            (continuation: UnsafeContinuation<Void, Never>) in
            // Safe because a continuation is one pointer, which is neither 0 nor 1.
            let bits = unsafeBitCast(continuation, to: UInt.self)
            let (isParked, _) = word.compareExchange(
                expected: Self.idle, desired: bits, ordering: .acquiringAndReleasing)
            if !isParked { continuation.resume() }
        }
    }
}
