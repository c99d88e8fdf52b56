internal import Synchronization

/// Where one direction of a source stands, in one atomic word: nothing to do, ready, or the task
/// that waits.
///
/// Edge-triggered events are told once, so "ready" is remembered until an attempt finds that it is
/// so no longer. Whoever wakes leaves "ready" behind: a wake-up that comes before the wait is not
/// lost. Wake-ups may be spurious; the one who waited looks for himself what has happened.
struct ReadinessWord: ~Copyable {
    private static let idle: UInt = 0
    private static let ready: UInt = 1

    private let word = Atomic<UInt>(ready)

    @inline(__always)
    var isReady: Bool { word.load(ordering: .acquiring) == Self.ready }

    /// An attempt is about to find out, or has found nothing: only an event makes it ready again.
    @inline(__always)
    func clear() {
        word.store(Self.idle, ordering: .releasing)
    }

    /// There may be more, without an event that tells so.
    @inline(__always)
    func setReady() {
        word.store(Self.ready, ordering: .releasing)
    }

    /// Between what this program does and the `wake` that tells of it. What the kernel does, it has
    /// ordered itself.
    ///
    /// `wake` looks at the word before it writes to it. Without a fence a processor may look before
    /// others see what was done: it finds "ready", which somebody is about to clear, who then does
    /// not find what was done either, and waits for ever.
    @inline(__always)
    static func publish() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Something has happened: whoever waits goes on.
    @inline(__always)
    func wake() {
        // An attempt that clears it comes after what has happened, and will find it.
        if isReady { return }
        let old = word.exchange(Self.ready, ordering: .acquiringAndReleasing)
        guard old > Self.ready else { return }
        // Safe: the bits are those that `park` put there, and the exchange took them out, so that
        // nobody else resumes them.
        unsafeBitCast(old, to: UnsafeContinuation<Void, Never>.self).resume()
    }

    /// Waits until `wake` is called, or has been since the last `clear`.
    @inline(__always)
    func park() async {
        // The form without an isolation: with one, the task would be switched to the executor where it
        // already is before each wait, which costs 80 ns.
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
