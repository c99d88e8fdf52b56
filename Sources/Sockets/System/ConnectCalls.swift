internal import Glibc
internal import SystemPackage

// accept and connect with the kernel's odd corners rounded off.
extension System {
    /// accept(2) of the first caller who is still there.
    static func acceptNext(
        _ descriptor: Int32, blocking: Bool = true
    ) throws(Errno) -> (descriptor: Int32, peer: RawSocketAddress) {
        while true {
            do throws(Errno) {
                return try accept(descriptor, blocking: blocking)
            } catch {
                guard abortedConnectionErrors.contains(error) else { throw error }
            }
        }
    }

    /// Linux hands errors of the new connection to accept; they say nothing of the listening socket
    /// (accept(2), "Error handling").
    ///
    /// `EOPNOTSUPP` is not among them, though the page lists it: it is also what a datagram socket
    /// answers, for ever.
    static let abortedConnectionErrors: [Errno] = [
        .connectionAbort, .protocolError, .protocolNotAvailable, .networkDown, .hostIsDown,
        .noRouteToHost, .networkUnreachable, .timedOut, Errno(rawValue: ENONET),
    ]

    /// Begins to connect a descriptor that does not wait; `EAGAIN` says that it is under way.
    static func startConnect(
        _ descriptor: Int32, _ address: RawSocketAddress
    ) throws(Errno) {
        do throws(Errno) {
            try connect(descriptor, address)
        } catch .nowInProgress {
            throw .wouldBlock
        } catch .interrupted {
            // It goes on by itself.
            throw .wouldBlock
        }
    }

    /// Tells how a connect that is under way has ended; `EAGAIN` says that it has not.
    ///
    /// Asks by calling connect(2) once more. `SO_ERROR` would tell too, but whoever else reads it
    /// takes the answer away, and Linux would go on to believe that the connect is under way: it
    /// lets a second connect to another address succeed then, and do nothing.
    static func finishConnect(
        _ descriptor: Int32, _ address: RawSocketAddress
    ) throws(Errno) {
        do throws(Errno) {
            try startConnect(descriptor, address)
        } catch .alreadyInProcess {
            throw .wouldBlock
        } catch .socketIsConnected {
            return
        }
    }

    /// connect(2) in the Unix domain, which waits while the backlog is full.
    ///
    /// There is no flag that says "do not wait", so the descriptor's mode says it.
    static func connectUnix(
        _ descriptor: Int32, _ address: RawSocketAddress, mayWait: Bool
    ) throws(Errno) {
        if mayWait { return try connect(descriptor, address) }
        try setBlocking(descriptor, false)
        defer { try? setBlocking(descriptor, true) }
        try connect(descriptor, address)
    }
}
