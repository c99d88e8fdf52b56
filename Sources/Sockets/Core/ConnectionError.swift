internal import Synchronization
internal import SystemPackage

/// The error that broke a connection.
///
/// Linux reports such an error once, to the first call that meets it: a read, a write or the option
/// `SO_ERROR`. Each later read returns 0, as at the end of the stream. So a call that gets the
/// error notes it here, and a read that gets 0 looks here before it reports the end of the stream.
///
/// After the peer has ended the stream, the kernel reports `EPIPE` instead of a reset. `EPIPE` is
/// not noted, so the end of the stream stays clean.
final class ConnectionError: Sendable {
    private let code = Atomic<Int32>(0)
    private let takers = Atomic<Int>(0)
    private let foreignCause = LazyReference<ForeignCause>()

    /// The error of another connection that made this side reset the connection.
    private final class ForeignCause: Sendable {
        let error: SocketError
        init(_ error: SocketError) { self.error = error }
    }

    /// Whether an error broke the connection.
    var hasOccurred: Bool { noted != nil }

    private var noted: Errno? {
        let code = code.load(ordering: .acquiring)
        return code == 0 ? nil : Errno(rawValue: code)
    }

    /// Notes the error of a call, if it is one that breaks a connection.
    @inline(never)
    func note(_ error: Errno) {
        guard error.breaksConnection else { return }
        _ = code.compareExchange(expected: 0, desired: error.rawValue, ordering: .releasing)
    }

    /// Notes that this side resets the connection because another connection broke.
    ///
    /// Call this function before the reset, whose error is not one of the peer. It changes nothing
    /// if the connection is already broken.
    func noteReset(because error: SocketError) {
        _ = foreignCause.object { ForeignCause(error) }
        note(.connectionAbort)
    }

    /// The error of the other connection because of which this side has reset the connection, or
    /// `nil` if it has not.
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

    /// Returns the error that a read has to throw instead of reporting the end of the stream, or
    /// `nil` if the peer has ended the stream.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor, whose read has returned 0.
    ///   - isTaken: Whether another call that may take the error is on its way to note it.
    /// - Returns: The error or `nil`.
    @inline(never)
    func atEnd(of descriptor: Int32, isTaken: () -> Bool = { false }) -> Errno? {
        if let noted { return noted }
        func isBeingTaken() -> Bool { takers.load(ordering: .acquiring) > 0 || isTaken() }
        // While only the peer's direction has ended, a write may wait for room, and no error was
        // reported. On a broken connection no call waits, so this loop ends.
        if isBeingTaken(), System.condition(descriptor)?.contains(.hungUp) ?? false {
            while isBeingTaken() { System.yieldThread() }
        }
        return noted
    }
}

extension Errno {
    /// Whether the kernel reports this error once and it ends a connection.
    var breaksConnection: Bool { Self.breakingErrors.contains(self) }

    private static let breakingErrors: [Errno] = [
        .connectionReset, .timedOut, .connectionAbort, .noRouteToHost, .networkUnreachable,
        .hostIsDown, .networkDown, .protocolError,
    ]
}
