internal import Glibc
internal import SystemPackage

// accept and connect without the kernel's special cases.
extension System {
    /// Calls accept(2) until a connection comes whose client has not left yet.
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

    /// Errors of the new connection, which Linux reports through accept.
    ///
    /// They do not concern the listening socket (accept(2), "Error handling").
    ///
    /// The page also lists `EOPNOTSUPP`, but a datagram socket fails with it in every call.
    static let abortedConnectionErrors: [Errno] = [
        .connectionAbort, .protocolError, .protocolNotAvailable, .networkDown, .hostIsDown,
        .noRouteToHost, .networkUnreachable, .timedOut, Errno(rawValue: ENONET),
    ]

    /// Starts to connect a nonblocking descriptor.
    ///
    /// Throws `EAGAIN` while the connect is in progress.
    static func startConnect(
        _ descriptor: Int32, _ address: RawSocketAddress
    ) throws(Errno) {
        do throws(Errno) {
            try connect(descriptor, address)
        } catch .nowInProgress {
            throw .wouldBlock
        } catch .interrupted {
            // An interrupted connect continues in the kernel.
            throw .wouldBlock
        }
    }

    /// Returns when a started connect has succeeded, and throws its error when it has failed.
    ///
    /// Throws `EAGAIN` while the connect is in progress.
    ///
    /// Calls connect(2) once more. `SO_ERROR` would also tell the result, but another reader could
    /// have cleared it. Linux then still believes that the connect is in progress: a second
    /// connect, to another address, succeeds and does nothing.
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

    /// Calls connect(2) in the Unix domain, which waits while the backlog is full.
    ///
    /// connect(2) has no flag for "do not wait", so the descriptor's mode changes during the call.
    static func connectUnix(
        _ descriptor: Int32, _ address: RawSocketAddress, mayWait: Bool
    ) throws(Errno) {
        if mayWait { return try connect(descriptor, address) }
        try setBlocking(descriptor, false)
        defer { try? setBlocking(descriptor, true) }
        try connect(descriptor, address)
    }
}
