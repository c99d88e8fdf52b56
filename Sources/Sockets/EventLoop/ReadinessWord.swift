internal import Synchronization

/// The state of one direction of a source in one atomic word: idle, ready, or the waiting task.
///
/// The poller is edge-triggered and reports each event once, so the word stays ready until an attempt
/// finds that it is not. Waking leaves the word ready, so a wakeup that comes before the wait is not
/// lost. Wakeups may be spurious, so waiters must recheck their condition.
struct ReadinessWord: ~Copyable {
    private static let idle: UInt = 0
    private static let ready: UInt = 1

    private let word = Atomic<UInt>(ready)

    @inline(__always)
    var isReady: Bool { word.load(ordering: .acquiring) == Self.ready }

    /// Makes the word idle, before an attempt or after one that would block.
    ///
    /// From then on only an event makes it ready.
    @inline(__always)
    func clear() {
        word.store(Self.idle, ordering: .releasing)
    }

    /// Makes the word ready, because another attempt may succeed although no event will say so.
    @inline(__always)
    func setReady() {
        word.store(Self.ready, ordering: .releasing)
    }

    /// Orders a change of this program's state before the `wake` that announces it.
    ///
    /// Changes by the kernel need no fence.
    ///
    /// `wake` reads the word before it writes to it. Without the fence, a processor may read the
    /// word before other processors see the change. It then finds "ready", and does not wake. The
    /// waiter may clear that very word, miss the change and wait for ever.
    @inline(__always)
    static func publish() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Makes the word ready, and resumes the waiting task if there is one.
    @inline(__always)
    func wake() {
        // The attempt that clears the word comes later, so it will find what has happened.
        if isReady { return }
        let old = word.exchange(Self.ready, ordering: .acquiringAndReleasing)
        guard old > Self.ready else { return }
        // Safe: `park` stored these bits, and the exchange removed them, so that no other thread
        // resumes the continuation.
        unsafeBitCast(old, to: UnsafeContinuation<Void, Never>.self).resume()
    }

    /// Waits until `wake` is called, or returns at once if it was called since the last `clear`.
    @inline(__always)
    func park() async {
        // This form has no isolation parameter. With one, the task would be switched to the
        // executor where it already is before each wait, which costs 80 ns.
        await _unsafeInheritExecutor_withUnsafeContinuation {
            (continuation: UnsafeContinuation<Void, Never>) in
            // Safe: a continuation is one pointer, neither 0 nor 1.
            let bits = unsafeBitCast(continuation, to: UInt.self)
            let (isParked, _) = word.compareExchange(
                expected: Self.idle, desired: bits, ordering: .acquiringAndReleasing)
            if !isParked { continuation.resume() }
        }
    }
}
