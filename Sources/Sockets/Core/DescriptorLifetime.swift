internal import Synchronization

/// Counts the calls that use a descriptor, and releases the descriptor exactly once, after the
/// socket was closed and the last call has ended.
///
/// So a descriptor is never closed twice, and its number is never reused while a thread waits for
/// it.
///
/// The state is one atomic word: bit 0 means closed, bit 1 means released, bit 2 means that a task
/// awaits the end of calls, and the other bits count calls.
struct DescriptorLifetime: ~Copyable {
    let word = Atomic<UInt64>(0)

    private static let closed: UInt64 = 1
    private static let released: UInt64 = 2
    static let awaited: UInt64 = 4
    private static let call: UInt64 = 8

    /// The state that `close` found.
    ///
    /// Unless the state is `alreadyClosed`, the caller of `close` must also call `leave`.
    enum Closing: Equatable {
        /// The socket was closed before.
        case alreadyClosed
        /// No call uses the descriptor.
        case unused
        /// Calls are using the descriptor, so the caller must wake them.
        case inUse
    }

    var isClosed: Bool { word.load(ordering: .acquiring) & Self.closed != 0 }

    /// Begins a call.
    ///
    /// Returns `false` if the socket is closed. In this case, the caller must not call `leave`.
    ///
    /// The method runs `release` in the rare case that the last call ended during this attempt.
    @inline(__always)
    func enter(orRelease release: () -> Void) -> Bool {
        let (old, _) = word.add(Self.call, ordering: .acquiring)
        if _fastPath(old & Self.closed == 0) { return true }
        leave(orRelease: release)
        return false
    }

    /// Ends a call.
    ///
    /// Runs `release` if this was the last call on a closed socket, and `notify` if a task awaits
    /// the end of calls.
    @inline(__always)
    func leave(orRelease release: () -> Void, notify: () -> Void = {}) {
        let (_, new) = word.subtract(Self.call, ordering: .acquiringAndReleasing)
        if _slowPath(new & (Self.closed | Self.awaited) != 0) {
            if new & Self.awaited != 0 { notify() }
            if new == Self.closed, claimRelease() { release() }
        }
    }

    /// Makes `leave` report each call that ends, until `stopAwaiting`.
    ///
    /// The caller must be inside a call. A call that has already ended is not reported, but its
    /// changes are visible to the caller.
    func startAwaiting() { word.bitwiseOr(Self.awaited, ordering: .acquiringAndReleasing) }

    /// Undoes `startAwaiting`, so `leave` no longer reports the calls that end.
    func stopAwaiting() { word.bitwiseAnd(~Self.awaited, ordering: .relaxed) }

    /// Marks the socket closed, and counts the caller as a user of the descriptor, which then stays
    /// valid while the caller wakes the waiting calls.
    func close(orRelease release: () -> Void) -> Closing {
        guard enter(orRelease: release) else { return .alreadyClosed }
        let (old, _) = word.bitwiseOr(Self.closed, ordering: .acquiringAndReleasing)
        if old & Self.closed != 0 {
            leave(orRelease: release)
            return .alreadyClosed
        }
        return old == Self.call ? .unused : .inUse
    }

    /// Marks the socket closed and transfers ownership of the descriptor to the caller.
    ///
    /// - Parameter isInside: Whether the caller is inside a call. If the method returns `true`, it
    ///   has ended this call, and the caller must not call `leave`.
    /// - Returns: `false` if another call uses the descriptor or the socket is already closed.
    func takeDescriptor(isInside: Bool = false) -> Bool {
        word.compareExchange(
            expected: isInside ? Self.call : 0, desired: Self.closed | Self.released,
            ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Returns `true` exactly once, so only one of several racing calls releases the descriptor.
    private func claimRelease() -> Bool {
        word.compareExchange(
            expected: Self.closed, desired: Self.closed | Self.released,
            ordering: .acquiringAndReleasing
        ).exchanged
    }
}
