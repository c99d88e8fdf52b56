internal import Synchronization

/// The kernel's timeout for one direction (`SO_RCVTIMEO` or `SO_SNDTIMEO`), shared by all threads
/// that use the socket.
///
/// Waiting in the kernel needs one system call, whereas waiting with poll needs two. But the
/// timeout belongs to the socket, not to a call. So this type caches the timeout. It changes the
/// timeout only when a call needs a different one and no other call is waiting. If another call is
/// waiting and the new call cannot share its timeout, the new call uses poll.
///
/// The state is one atomic word. It has 40 bits for the timeout in microseconds (0 means none), 20
/// bits for the number of waiting calls, one bit that is set while the timeout is being changed,
/// and one bit that is set if other code may have changed the timeout.
struct KernelTimeout: ~Copyable {
    private let word: Atomic<UInt64>

    private static let limitMask: UInt64 = 1 << 40 - 1
    private static let call: UInt64 = 1 << 40
    private static let callMask: UInt64 = (1 << 20 - 1) << 40
    private static let changing: UInt64 = 1 << 62
    private static let unknown: UInt64 = 1 << 63

    /// The shortest kernel timeout, in microseconds, that a new call with a longer limit shares
    /// with the calls that already wait.
    ///
    /// Each time that the kernel timeout expires, the new call must wait again. If the kernel
    /// timeout is shorter than this, polling is cheaper.
    private static let usefulLimit: UInt64 = 20_000

    /// Creates the state of a socket without a timeout.
    ///
    /// - Parameter isKnown: `false` if other code may have set a timeout on the descriptor.
    init(isKnown: Bool) { word = Atomic(isKnown ? 0 : Self.unknown) }

    /// The longest timeout that fits into the word.
    ///
    /// A call with a longer limit wakes up about every twelve days and waits again.
    static let longest = limitMask

    /// Begins a call that waits in the kernel for at most `limit` microseconds, or forever if
    /// `limit` is 0.
    ///
    /// `set` changes the kernel's timeout. This method returns `false` if other calls wait with a
    /// timeout that this call cannot share, or if `set` fails. The caller must then poll.
    @inline(__always)
    func enter(limit: UInt64, set: (UInt64) -> Bool) -> Bool {
        var old = word.load(ordering: .relaxed)
        while true {
            if _slowPath(old & (Self.changing | Self.unknown | Self.limitMask) != limit) {
                guard let now = enterOther(old, limit, set) else { return false }
                if now == old { return true }
                old = now
                continue
            }
            let (exchanged, original) = word.weakCompareExchange(
                expected: old, desired: old + Self.call, ordering: .acquiring)
            if _fastPath(exchanged) { return true }
            old = original
        }
    }

    /// Runs the slow path of `enter`.
    ///
    /// Returns `nil` if the call must poll, or `old` if the call has begun. Any other value is the
    /// current state, with which `enter` must try again.
    @inline(never)
    private func enterOther(_ old: UInt64, _ limit: UInt64, _ set: (UInt64) -> Bool) -> UInt64? {
        if old & (Self.changing | Self.callMask) == 0 {
            let (exchanged, original) = word.compareExchange(
                expected: old, desired: Self.changing | Self.call, ordering: .acquiring)
            guard exchanged else { return original }
            // Add instead of storing, because `forget` may set its bit during the change.
            if set(limit) {
                word.wrappingAdd(limit &- Self.changing, ordering: .acquiringAndReleasing)
                return old
            }
            forget()
            word.wrappingSubtract(Self.changing + Self.call, ordering: .acquiringAndReleasing)
            return nil
        }
        let current = old & Self.limitMask
        let isShortEnough = current >= Self.usefulLimit && (limit == 0 || current <= limit)
        guard isShortEnough, old & (Self.changing | Self.unknown) == 0 else { return nil }
        let (exchanged, original) = word.compareExchange(
            expected: old, desired: old + Self.call, ordering: .acquiring)
        return exchanged ? old : original
    }

    /// Ends a call that `enter` began.
    @inline(__always)
    func leave() { word.subtract(Self.call, ordering: .releasing) }

    /// A Boolean value that indicates whether a call is waiting in the kernel.
    var isInUse: Bool { word.load(ordering: .acquiring) & Self.callMask != 0 }

    /// Records that other code may have changed the timeout, so the next call sets it again.
    func forget() { word.bitwiseOr(Self.unknown, ordering: .relaxed) }
}
