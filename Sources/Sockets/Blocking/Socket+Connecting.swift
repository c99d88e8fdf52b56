internal import SystemPackage

// From an address to a connection: bind, listen, accept, connect.
extension Socket {
    /// Gives the socket an address of its own: bind(2).
    ///
    /// Port 0 lets the kernel choose; `localAddress` tells which. To bind every interface, bind
    /// the wildcard, `.any`. On an IPv6 socket an IPv4 address is bound as a mapped one.
    ///
    /// - Throws: `.system`: `.addressInUse`, `.addressNotAvailable`, `.permissionDenied` (ports
    ///   below 1024), `.invalidArgument` (bound already); `.closed`.
    public func bind(on address: SocketAddress) throws(SocketError) {
        do throws(SocketError) {
            let raw = try rawAddress(of: address, for: .bind)
            let local = try call(.bind) { descriptor throws(Errno) in
                try System.bind(descriptor, raw)
                return SocketAddress(try System.getsockname(descriptor))
            }
            names.withLock { $0.local = local }
        } catch {
            throw SocketError(.bind, error.cause, localAddress: address)
        }
    }

    /// Makes the socket one that is called, and lets callers wait in a queue: listen(2).
    ///
    /// `backlog` is how many may wait before `accept`; less than nothing counts as nothing, more
    /// than the kernel's limit as that.
    ///
    /// - Throws: `.system`: `.addressInUse`, `.notSupportedOnSocket` (datagrams); `.closed`.
    public func listen(backlog: Int = ListenOptions.maximumBacklog) throws(SocketError) {
        let local = try call(.listen) { descriptor throws(Errno) in
            try System.listen(descriptor, Int32(clamping: max(0, backlog)))
            // accept has no flag that says "do not wait", and a caller that poll has seen may be
            // gone, or taken by another thread, by the time it is called.
            try System.setBlocking(descriptor, false)
            return SocketAddress(try System.getsockname(descriptor))
        }
        names.withLock { $0.local = local }
    }

    /// Waits for the next caller: accept(2).
    ///
    /// The caller's address is the new socket's `remoteAddress`. Waiting uses no processor time. A
    /// caller who hung up before he was accepted is passed over.
    ///
    /// - Throws: `.system`: `.tooManyOpenFiles` and `.tooManyOpenFilesInSystem` (the caller stays
    ///   in the queue), `.invalidArgument` (not listening); `.timedOut`, `.closed`.
    public func accept(timeout: TimeLimit = .never) throws(SocketError) -> Socket {
        let (accepted, peer) = try perform(
            .accept, .receiving, .pollOnly, Deadline(startingNow: timeout)
        ) {
            listener, _ throws(Errno) in
            try System.acceptNext(listener)
        } discard: {
            System.close($0.descriptor)
        }
        let local: SocketAddress
        do throws(Errno) {
            local = SocketAddress(try System.getsockname(accepted))
        } catch {
            System.close(accepted)
            throw failure(.accept, .system(error))
        }
        return Socket(
            owning: accepted, family, type, local: local, remote: SocketAddress(peer))
    }

    /// Connects to an address: connect(2).
    ///
    /// On a datagram socket this only sets where `send` sends to and from whom `receive` takes, and
    /// `.unnamed` takes that back (and the port, if the kernel had chosen it). A connect that fails
    /// or runs out of time leaves the socket unconnected, ready for another.
    ///
    /// - Throws: `.system`: `.connectionRefused`, `.networkUnreachable`, `.isConnected`;
    ///   `.timedOut`, `.selfConnect`, `.closed`.
    public func connect(
        to address: SocketAddress, timeout: TimeLimit = .seconds(10)
    ) throws(SocketError) {
        let deadline = Deadline(startingNow: timeout)
        let raw = try rawAddress(of: address, for: .connect)
        do throws(SocketError) {
            if family == .unix {
                try perform(.connect, .sending, .inSlices, deadline) {
                    descriptor, flags throws(Errno) in
                    try System.connectUnix(descriptor, raw, mayWait: !flags.contains(.dontWait))
                }
            } else {
                try connectInternet(raw, deadline)
            }
            try captureNames(address)
        } catch {
            throw failure(.connect, error.cause, remote: address)
        }
    }

    private func connectInternet(
        _ raw: RawSocketAddress, _ deadline: Deadline
    ) throws(SocketError) {
        try call(.connect) { descriptor throws(Errno) in
            try System.setBlocking(descriptor, false)
        }
        defer {
            // Fails only on a socket that was closed meanwhile.
            _ = try? call(.connect) { descriptor throws(Errno) in
                try System.setBlocking(descriptor, true)
            }
        }
        var isUnderWay = false
        do throws(SocketError) {
            try perform(.connect, .sending, .pollOnly, deadline) { descriptor, _ throws(Errno) in
                if isUnderWay {
                    try System.finishConnect(descriptor, raw)
                } else {
                    isUnderWay = true
                    try System.startConnect(descriptor, raw)
                }
            }
        } catch {
            // Or it would come about behind the caller's back. A connection that was there before
            // stays.
            if error.errno != .socketIsConnected { dissolve() }
            throw error
        }
    }

    /// Captures both addresses of a connection that has come about, unless it is one with itself.
    func captureNames(_ asked: SocketAddress) throws(SocketError) {
        let (local, remote) = try call(.connect) { descriptor throws(Errno) in
            let local = SocketAddress(try System.getsockname(descriptor))
            do throws(Errno) {
                return (local, SocketAddress(try System.getpeername(descriptor)))
            } catch {
                // A peer who has reset the connection by now has no name any more. It did come
                // about, and the next read or write tells of the reset. And a datagram socket has
                // no peer any more when it was connected to nobody.
                guard
                    error == .socketNotConnected, asked != .unnamed || type == .datagram
                else { throw error }
                return (local, asked)
            }
        }
        // When the kernel picks the wanted port as the source port, both ends of the handshake are
        // this socket, and it succeeds though nobody listens.
        if family != .unix, type == .stream, local == remote {
            dissolve()
            throw failure(.connect, .selfConnect, remote: asked)
        }
        names.withLock { names in
            names.local = local
            names.remote = remote
        }
    }

    /// Ends an attempt to connect; the socket is as new.
    private func dissolve() {
        _ = try? call(.connect) { descriptor throws(Errno) in
            try System.connect(descriptor, RawSocketAddress(.unnamed))
        }
    }

    /// The address as the kernel takes it here, or an error that says why it does not fit.
    func rawAddress(
        of address: SocketAddress, for operation: SocketError.Operation
    ) throws(SocketError) -> RawSocketAddress {
        let fits = address.family == family || (family == .ipv6 && address.family == .ipv4)
        guard fits || address.family == nil else {
            throw failure(
                operation,
                .invalidInput(
                    "the address is of the family \(address.family ?? family):"
                        + " expected \(family), the socket's family"),
                remote: address)
        }
        do throws(Errno) {
            return try address.raw(for: family)
        } catch {
            throw failure(operation, .system(error), remote: address)
        }
    }
}
