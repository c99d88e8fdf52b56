internal import SystemPackage

// accept and connect with the kernel's odd corners rounded off.
extension System {
    /// accept(2) of the first caller who is still there.
    ///
    /// Linux hands errors of the new connection to accept; they say nothing of the listening
    /// socket (accept(2), "Error handling").
    static func acceptNext(
        _ descriptor: Int32
    ) throws(Errno) -> (descriptor: Int32, peer: RawSocketAddress) {
        while true {
            do throws(Errno) {
                return try accept(descriptor)
            } catch .connectionAbort {
                continue
            } catch .protocolError {
                continue
            } catch .networkDown {
                continue
            } catch .hostIsDown {
                continue
            } catch .noRouteToHost {
                continue
            } catch .networkUnreachable {
                continue
            }
        }
    }

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
    static func finishConnect(_ descriptor: Int32) throws(Errno) {
        if let error = try takeError(descriptor) { throw error }
        do throws(Errno) {
            _ = try getpeername(descriptor)
        } catch .socketNotConnected {
            throw .wouldBlock
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
