internal import Synchronization

/// The kernel's own time limit of one direction (`SO_RCVTIMEO`, `SO_SNDTIMEO`), shared by all
/// threads that use the socket: who may wait under it, and when it may be changed.
///
/// Waiting in the kernel is one system call where poll and a second call would be two, but the
/// limit belongs to the socket and not to the call. So it is remembered and set only when it
/// differs, and only while nobody is inside; who then wants another limit has to poll.
///
/// One atomic word, without I/O: 40 bits of limit in microseconds (0 is none), 20 bits of calls
/// inside, one bit while it is being changed, one bit when somebody else may have changed it.
struct KernelTimeout: ~Copyable {
    private let word: Atomic<UInt64>

    private static let limitMask: UInt64 = 1 << 40 - 1
    private static let call: UInt64 = 1 << 40
    private static let callMask: UInt64 = (1 << 20 - 1) << 40
    private static let changing: UInt64 = 1 << 62
    private static let unknown: UInt64 = 1 << 63

    /// Waking a little early and asking again is cheaper than polling, unless it is very early.
    private static let usefulLimit: UInt64 = 20_000

    /// - Parameter isKnown: false for a descriptor that comes from elsewhere.
    init(isKnown: Bool) {
        word = Atomic(isKnown ? 0 : Self.unknown)
    }

    /// The longest limit that fits; longer waits wake up once in twelve days and go on.
    static let longest = limitMask

    /// Begins a call that waits in the kernel for at most `limit` microseconds (0: for ever), or
    /// says that this cannot be had now. `set` changes the kernel's limit.
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

    /// The slow half of `enter`: nil says poll, `old` says entered, anything else says look again.
    @inline(never)
    private func enterOther(
        _ old: UInt64, _ limit: UInt64, _ set: (UInt64) -> Bool
    ) -> UInt64? {
        if old & (Self.changing | Self.callMask) == 0 {
            let (exchanged, original) = word.compareExchange(
                expected: old, desired: Self.changing | Self.call, ordering: .acquiring)
            guard exchanged else { return original }
            // While it is being changed only `forget` touches the word, and its bit must survive.
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

    /// Ends a call that `enter` let in.
    @inline(__always)
    func leave() {
        word.subtract(Self.call, ordering: .releasing)
    }

    /// Somebody else may have changed the kernel's limit: it is set again before it is relied on.
    func forget() {
        word.bitwiseOr(Self.unknown, ordering: .relaxed)
    }
}
