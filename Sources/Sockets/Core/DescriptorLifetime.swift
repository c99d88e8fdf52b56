internal import Synchronization

/// Counts the calls that use a descriptor, and releases it exactly once, when the socket is closed
/// and the last call has left.
///
/// So no descriptor is closed twice, or reused while a thread waits for it.
///
/// It is one atomic word: bit 0 means closed, bit 1 means released, and the rest counts calls.
struct DescriptorLifetime: ~Copyable {
    private let word = Atomic<UInt64>(0)

    private static let closed: UInt64 = 1
    private static let released: UInt64 = 2
    private static let call: UInt64 = 4

    /// What the closing code has to do.
    ///
    /// Except after `alreadyClosed`, it also calls `leave`.
    enum Closing: Equatable {
        /// The socket was closed before.
        case alreadyClosed
        /// No call uses the descriptor.
        case unused
        /// Calls use the descriptor and have to be woken.
        case inUse
    }

    var isClosed: Bool {
        word.load(ordering: .acquiring) & Self.closed != 0
    }

    /// Begins a call.
    ///
    /// Returns `false` if the socket is closed; `leave` must then not be called.
    ///
    /// It runs `release` in the rare case that the last call left during this attempt.
    @inline(__always)
    func enter(orRelease release: () -> Void) -> Bool {
        let (old, _) = word.add(Self.call, ordering: .acquiring)
        if _fastPath(old & Self.closed == 0) { return true }
        leave(orRelease: release)
        return false
    }

    /// Ends a call.
    ///
    /// Runs `release` if it was the last call of a closed socket.
    @inline(__always)
    func leave(orRelease release: () -> Void) {
        let (_, new) = word.subtract(Self.call, ordering: .acquiringAndReleasing)
        if _slowPath(new == Self.closed), claimRelease() { release() }
    }

    /// Marks the socket closed and begins a call, so that the descriptor stays valid while the waiting
    /// calls are woken.
    func close(orRelease release: () -> Void) -> Closing {
        guard enter(orRelease: release) else { return .alreadyClosed }
        let (old, _) = word.bitwiseOr(Self.closed, ordering: .acquiringAndReleasing)
        if old & Self.closed != 0 {
            leave(orRelease: release)
            return .alreadyClosed
        }
        return old == Self.call ? .unused : .inUse
    }

    /// Marks the socket closed, and leaves the descriptor to the calling code.
    ///
    /// Returns `false` if a call uses the descriptor, or if the socket is closed.
    func takeDescriptor() -> Bool {
        word.compareExchange(
            expected: 0, desired: Self.closed | Self.released, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Returns `true` to one of the calls that saw the last call leave.
    private func claimRelease() -> Bool {
        word.compareExchange(
            expected: Self.closed, desired: Self.closed | Self.released,
            ordering: .acquiringAndReleasing
        ).exchanged
    }
}
