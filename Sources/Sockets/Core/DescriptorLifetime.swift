internal import Synchronization

/// Counts the calls inside a socket, so that its descriptor is released exactly once, when it has
/// been closed and the last call has left: no descriptor closes twice or is reused under a waiter.
///
/// One atomic word, without I/O: bit 0 says closed, bit 1 says released, the rest counts calls.
struct DescriptorLifetime: ~Copyable {
    private let word = Atomic<UInt64>(0)

    private static let closed: UInt64 = 1
    private static let released: UInt64 = 2
    private static let call: UInt64 = 4

    /// What the closer has to do, besides `leave()`.
    enum Closing: Equatable {
        /// Somebody else has closed it before; there is nothing to leave.
        case alreadyClosed
        /// Nobody is inside.
        case quiet
        /// Calls are inside and have to be woken.
        case waking
    }

    var isClosed: Bool {
        word.load(ordering: .acquiring) & Self.closed != 0
    }

    /// Begins a call; false if the socket is closed, and then there is nothing to leave.
    ///
    /// `release` is run in the rare case that this very attempt was the last to let go.
    @inline(__always)
    func enter(orRelease release: () -> Void) -> Bool {
        let (old, _) = word.add(Self.call, ordering: .acquiring)
        if _fastPath(old & Self.closed == 0) { return true }
        leave(orRelease: release)
        return false
    }

    /// Ends a call; runs `release` if it was the last one of a closed socket.
    @inline(__always)
    func leave(orRelease release: () -> Void) {
        let (_, new) = word.subtract(Self.call, ordering: .acquiringAndReleasing)
        if _slowPath(new == Self.closed), take() { release() }
    }

    /// Marks the socket closed and enters it, so that the descriptor stays while the waiters are
    /// woken. After `quiet` and `waking` the closer calls `leave`.
    func close(orRelease release: () -> Void) -> Closing {
        guard enter(orRelease: release) else { return .alreadyClosed }
        let (old, _) = word.bitwiseOr(Self.closed, ordering: .acquiringAndReleasing)
        if old & Self.closed != 0 {
            leave(orRelease: release)
            return .alreadyClosed
        }
        return old == Self.call ? .quiet : .waking
    }

    /// Takes the descriptor away for good, if no call is inside; it will not be released here.
    func handOver() -> Bool {
        word.compareExchange(
            expected: 0, desired: Self.closed | Self.released, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Of several that saw the last call leave, one releases.
    private func take() -> Bool {
        word.compareExchange(
            expected: Self.closed, desired: Self.closed | Self.released,
            ordering: .acquiringAndReleasing
        ).exchanged
    }
}
