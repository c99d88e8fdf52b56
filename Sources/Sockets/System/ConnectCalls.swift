internal import Glibc
internal import SystemPackage

// Variants of accept and connect that handle the kernel's special cases.
extension System {
    /// Accepts the next connection whose client has not disconnected yet, by repeated calls of
    /// accept(2).
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

    /// The errors of accept(2) that concern only the new connection.
    ///
    /// Linux reports a pending error of the new connection as an error of accept(2). The listening
    /// socket still works afterwards (accept(2), "Error handling").
    ///
    /// The manual page also lists `EOPNOTSUPP`. This list does not contain it, because every accept
    /// on a datagram socket fails with it, so ``acceptNext(_:blocking:)`` would repeat the call
    /// forever.
    static let abortedConnectionErrors: [Errno] = [
        .connectionAbort, .protocolError, .protocolNotAvailable, .networkDown, .hostIsDown,
        .noRouteToHost, .networkUnreachable, .timedOut, Errno(rawValue: ENONET),
    ]

    /// Starts to connect a nonblocking descriptor.
    ///
    /// Throws `EAGAIN` while the connect is in progress.
    static func startConnect(_ descriptor: Int32, _ address: RawSocketAddress) throws(Errno) {
        do throws(Errno) {
            try connect(descriptor, address)
        } catch .nowInProgress, .interrupted {
            // An interrupted connect continues in the kernel, so it is still in progress.
            throw .wouldBlock
        }
    }

    /// Completes a connect that was started.
    ///
    /// Throws `EAGAIN` while the connect is in progress, and the error of a failed connect.
    ///
    /// Calls connect(2) again. `SO_ERROR` would also report the result, but other code may have
    /// read and cleared it. In addition, Linux regards the connect as still in progress until
    /// connect(2) is called again. If only `SO_ERROR` were read, the next connect(2), even to
    /// another address, would only complete the first connect and return success.
    static func finishConnect(_ descriptor: Int32, _ address: RawSocketAddress) throws(Errno) {
        do throws(Errno) {
            try startConnect(descriptor, address)
        } catch .alreadyInProcess {
            throw .wouldBlock
        } catch .socketIsConnected {
            return
        }
    }

    /// Connects a Unix socket: connect(2), which waits while the listener's backlog is full.
    ///
    /// connect(2) has no flag like `MSG_DONTWAIT`, so the descriptor is nonblocking during a call
    /// that must not wait.
    static func connectUnix(
        _ descriptor: Int32, _ address: RawSocketAddress, mayWait: Bool
    ) throws(Errno) {
        if mayWait { return try connect(descriptor, address) }
        try setBlocking(descriptor, false)
        defer { try? setBlocking(descriptor, true) }
        try connect(descriptor, address)
    }
}
