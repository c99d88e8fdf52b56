internal import Synchronization
public import SystemPackage

// Descriptors that are received from other code or passed to it.
extension Socket {
    /// Creates a socket from a descriptor that other code created, such as the parent process.
    ///
    /// ```swift
    /// let socket = try Socket(adopting: FileDescriptor(rawValue: 3))
    /// ```
    ///
    /// The socket owns the descriptor and closes it. The initializer sets close-on-exec. If the
    /// initializer throws, the caller still owns the descriptor.
    ///
    /// The blocking mode (`O_NONBLOCK`) applies to all processes that share the socket. The
    /// initializer does not change it, because receiving and sending work in either mode. There are
    /// two exceptions. A listening socket becomes nonblocking, because accept(2) has no flag that
    /// prevents waiting. ``connect(to:timeout:)`` changes the mode while it waits. A UDP socket at
    /// the wildcard address gets the option `IP_PKTINFO` or `IPV6_RECVPKTINFO`, so that replies
    /// leave from the address that the client used. A sequenced-packet socket gets the option
    /// `SO_TIMESTAMP`, so that ``receivePacket(atMost:timeout:)`` can tell an empty packet from the
    /// end.
    ///
    /// - Parameter descriptor: The descriptor of a socket.
    /// - Throws: ``SocketError/Cause/system(_:)`` with `badFileDescriptor` or `notSocket` if the
    ///   descriptor is not a socket, or with `addressFamilyNotSupported` if the family is not IPv4,
    ///   IPv6 or Unix.
    public convenience init(adopting descriptor: FileDescriptor) throws(SocketError) {
        let number = descriptor.rawValue
        do throws(Errno) {
            let (family, type) = try System.identity(of: number)
            try System.setCloseOnExec(number)
            let isBlocking = try System.isBlocking(number)
            if try System.isListening(number) { try System.setBlocking(number, false) }
            let local = SocketAddress(try System.getsockname(number, fromUser: true))
            let remote = try? SocketAddress(System.getpeername(number))
            if type == .datagram, local.isOneOfMany {
                // Replies must leave from the address that the datagram was sent to.
                try System.enablePacketInfo(number, isIPv6: family == .ipv6)
            }
            self.init(
                taking: OwnedSocket(
                    OwnedDescriptor(number), family, type,
                    local: local.port == 0 ? nil : local, remote: remote, timeoutsAreKnown: false,
                    adoptedMode: isBlocking ? .blocking : .nonblocking, mayLinger: true))
        } catch {
            throw SocketError(.adopt, .system(error), subject: "descriptor \(number)")
        }
    }

    /// Transfers ownership of the descriptor to the caller, which must close it.
    ///
    /// Later calls on the socket throw ``SocketError/Cause/closed``.
    ///
    /// The descriptor is blocking and has no timeouts, as after socket(2). An adopted descriptor
    /// gets back its original blocking mode, because other processes may rely on that mode. The
    /// mode stays as it is if the socket was duplicated or its descriptor was lent, because other
    /// code may rely on it. Close-on-exec stays set. The socket file of a Unix socket is not
    /// removed. To use the descriptor without giving it up, call `withFileDescriptor`.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `resourceBusy` if another thread is inside a call.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket uses TLS.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func release() throws(SocketError) -> FileDescriptor {
        let socket = try handOver(restoringMode: true)
        socket.file?.keep()
        return FileDescriptor(rawValue: socket.descriptor.take())
    }

    /// Transfers ownership of the socket, its addresses and its file to the caller.
    ///
    /// The descriptor then has no timeouts.
    ///
    /// - Parameter restoringMode: Whether to restore the blocking mode that the descriptor had when
    ///   the library created or adopted it.
    /// - Returns: The socket.
    /// - Throws: The errors of ``release()``.
    func handOver(restoringMode: Bool = false) throws(SocketError) -> OwnedSocket {
        try requirePlain(.release)
        let local = localAddress
        try call(.release) { descriptor throws(Errno) in
            try System.setTimeout(descriptor, .receive, microseconds: 0)
            try System.setTimeout(descriptor, .send, microseconds: 0)
        }
        forgetKernelTimeouts()
        guard lifetime.takeDescriptor() else {
            throw failure(.release, lifetime.isClosed ? .closed : .system(.resourceBusy))
        }
        closeCloseEvent()
        let isShared = sharing.load(ordering: .sequentiallyConsistent) != .none
        let (remote, file) = names.withLock { ($0.remote, $0.file.take()) }
        let socket = OwnedSocket(
            OwnedDescriptor(descriptor), family, type, local: local, remote: remote, file: file,
            adoptedMode: adoptedMode, mayLinger: linger.mayBeSet, connectionError: connectionError,
            isShared: isShared)
        // Change the mode only now, because until here another call could have relied on it. Do not
        // change it for a shared socket, because the other owner, such as a listener on a
        // duplicate, still relies on it.
        if restoringMode, !isShared {
            do throws(Errno) {
                try System.setBlocking(socket.descriptor.number, adoptedMode != .nonblocking)
            } catch {
                throw failure(.release, .system(error))
            }
        }
        return socket
    }

    /// Returns a second socket on the same connection: dup(2).
    ///
    /// The connection ends when both sockets are closed, or when one of them is closed while a
    /// thread waits in a call on that socket; see ``close()``. Shutdowns, options and the blocking
    /// mode (`O_NONBLOCK`) apply to both sockets.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if no descriptors are left.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket uses TLS.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func duplicate() throws(SocketError) -> Socket {
        try requirePlain(.duplicate)
        let copy = try call(.duplicate) { descriptor throws(Errno) in
            noteShared()
            return try System.duplicate(descriptor)
        }
        forgetKernelTimeouts()
        let (local, remote) = names.withLock { ($0.local, $0.remote) }
        let socket = Socket(
            taking: OwnedSocket(
                OwnedDescriptor(copy), family, type, local: local, remote: remote,
                timeoutsAreKnown: false, mayLinger: true,
                connectionError: connectionError, isShared: true))
        socket.sharing.store(
            sharing.load(ordering: .sequentiallyConsistent), ordering: .sequentiallyConsistent)
        return socket
    }

    /// Throws an error if the socket uses TLS, because the descriptor is then useless without the
    /// keys.
    private func requirePlain(_ operation: SocketError.Operation) throws(SocketError) {
        guard !tlsReference.isCreated else {
            throw failure(
                operation,
                .invalidInput("the socket uses TLS, whose keys the descriptor does not contain"))
        }
    }

    /// Records that another descriptor may refer to the same socket.
    ///
    /// The owner of that descriptor may set `SO_LINGER`, which applies to both descriptors. They
    /// share the kernel's timeouts too, so this socket sets no time limit in the kernel from now
    /// on.
    func noteShared() {
        linger.noteSet()
        if sharing.load(ordering: .relaxed) != .everything {
            sharing.store(sharingOfDuplicates, ordering: .sequentiallyConsistent)
        }
    }

    /// How the socket is shared once it has a duplicate.
    ///
    /// A connection shares only the timeouts, so `close` may still wake waiting calls with
    /// shutdown(2), which ends the duplicate's connection too. A datagram socket must not be shut
    /// down, because its duplicate must still be able to receive.
    private var sharingOfDuplicates: Sharing { type == .datagram ? .everything : .timeouts }
}
