internal import Synchronization

/// The kernel's time limit of one direction (`SO_RCVTIMEO`, `SO_SNDTIMEO`), which all threads that
/// use the socket share.
///
/// Waiting in the kernel takes one system call, and waiting with poll takes two. But the limit
/// belongs to the socket and not to the call. So this remembers the limit, and sets it only when
/// another one is needed and no call waits under it. A call that needs another limit at such a time
/// uses poll.
///
/// It is one atomic word: 40 bits for the limit in microseconds (0 is none), 20 bits for the number
/// of waiting calls, one bit while the limit is being changed, and one bit if other code may have
/// changed it.
struct KernelTimeout: ~Copyable {
    private let word: Atomic<UInt64>

    private static let limitMask: UInt64 = 1 << 40 - 1
    private static let call: UInt64 = 1 << 40
    private static let callMask: UInt64 = (1 << 20 - 1) << 40
    private static let changing: UInt64 = 1 << 62
    private static let unknown: UInt64 = 1 << 63

    /// A call whose limit is longer than the current one waits under the current one, and then
    /// again, because that is cheaper than polling.
    ///
    /// This is the shortest limit in microseconds for which that is so.
    private static let usefulLimit: UInt64 = 20_000

    /// - Parameter isKnown: `false` for a descriptor that other code created.
    init(isKnown: Bool) {
        word = Atomic(isKnown ? 0 : Self.unknown)
    }

    /// The longest limit that fits.
    ///
    /// A longer wait wakes up every twelve days and continues.
    static let longest = limitMask

    /// Begins a call that waits in the kernel for at most `limit` microseconds (0 is for ever).
    ///
    /// `set` changes the kernel's limit. Returns `false` if another limit is in use; the call must
    /// then poll.
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

    /// The slow part of `enter`.
    ///
    /// Returns `nil` if the call must poll, `old` if it has begun, and another word if `enter` must
    /// try again.
    @inline(never)
    private func enterOther(
        _ old: UInt64, _ limit: UInt64, _ set: (UInt64) -> Bool
    ) -> UInt64? {
        if old & (Self.changing | Self.callMask) == 0 {
            let (exchanged, original) = word.compareExchange(
                expected: old, desired: Self.changing | Self.call, ordering: .acquiring)
            guard exchanged else { return original }
            // During the change only `forget` writes the word, and its bit must survive.
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
    func leave() {
        word.subtract(Self.call, ordering: .releasing)
    }

    /// Notes that other code may have changed the limit, so that the next call sets it again.
    func forget() {
        word.bitwiseOr(Self.unknown, ordering: .relaxed)
    }
}
