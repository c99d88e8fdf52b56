internal import Synchronization
internal import SystemPackage

/// The error that broke a connection.
///
/// Linux reports such an error only to the first read, write or `SO_ERROR` query after the failure.
/// Each later read returns 0, as at EOF. So a call that gets the error notes it here, and a read
/// that returns 0 looks here before it reports EOF.
///
/// If the peer resets the connection after its FIN, the kernel reports `EPIPE` instead of
/// `ECONNRESET`. `EPIPE` is not noted, so reads still report a clean EOF.
final class ConnectionError: Sendable {
    private let code = Atomic<Int32>(0)
    private let takers = Atomic<Int>(0)
    private let foreignCause = LazyReference<ForeignCause>()

    /// The error that broke another connection, so this side reset this connection.
    private final class ForeignCause: Sendable {
        let error: SocketError
        init(_ error: SocketError) { self.error = error }
    }

    /// A Boolean value that indicates whether an error broke the connection.
    var hasOccurred: Bool { noted != nil }

    private var noted: Errno? {
        let code = code.load(ordering: .acquiring)
        return code == 0 ? nil : Errno(rawValue: code)
    }

    /// Notes the error of a call if the error breaks a connection.
    @inline(never)
    func note(_ error: Errno) {
        guard error.breaksConnection else { return }
        _ = code.compareExchange(expected: 0, desired: error.rawValue, ordering: .releasing)
    }

    /// Notes that this side resets the connection because `error` broke another connection.
    ///
    /// Call this function before the reset, so that the error of the reset is not attributed to the
    /// peer. It has no effect if the connection is already broken.
    func noteReset(because error: SocketError) {
        _ = foreignCause.object { ForeignCause(error) }
        note(.connectionAbort)
    }

    /// The error that was passed to ``noteReset(because:)``, or `nil` if this side has not reset
    /// the connection.
    var causeOfReset: SocketError? {
        noted == .connectionAbort ? foreignCause.objectIfCreated?.error : nil
    }

    /// Forgets the error, because the socket has a new connection.
    func forget() { code.store(0, ordering: .releasing) }

    /// Begins a call that may take the error from the kernel.
    ///
    /// A read on another thread may get 0 before the call has noted the error, so the read waits
    /// until `endTaking`.
    @inline(__always)
    func beginTaking() { takers.add(1, ordering: .relaxed) }

    /// Ends a call that `beginTaking` began.
    @inline(__always)
    func endTaking() { takers.subtract(1, ordering: .releasing) }

    /// Returns the error that a read must throw instead of reporting EOF, or `nil` if EOF is
    /// correct.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor from which a read returned 0.
    ///   - isTaken: A closure that returns whether another call may have taken the error but not
    ///     noted it yet.
    /// - Returns: The error, or `nil`.
    @inline(never)
    func atEnd(of descriptor: Int32, isTaken: () -> Bool = { false }) -> Errno? {
        if let noted { return noted }
        func isBeingTaken() -> Bool { takers.load(ordering: .acquiring) > 0 || isTaken() }
        // Wait for the other call only if both directions are closed. No call blocks in the kernel
        // then, so the wait is short. If only the peer has half-closed, a write may block until
        // there is buffer space, and there is no error that it could take.
        if isBeingTaken(), System.condition(descriptor)?.contains(.hungUp) ?? false {
            while isBeingTaken() { System.yieldThread() }
        }
        return noted
    }
}

extension Errno {
    /// A Boolean value that indicates whether this error breaks a connection and the kernel reports
    /// it only once.
    var breaksConnection: Bool { Self.breakingErrors.contains(self) }

    private static let breakingErrors: [Errno] = [
        .connectionReset, .timedOut, .connectionAbort, .noRouteToHost, .networkUnreachable,
        .hostIsDown, .networkDown, .protocolError,
    ]
}
