internal import Synchronization
public import SystemPackage

// Descriptors that other code created, or takes.
extension Socket {
    /// Takes over a socket that other code created, such as one inherited from the parent process.
    ///
    /// ```swift
    /// let socket = try Socket(adopting: FileDescriptor(rawValue: 3))
    /// ```
    ///
    /// The descriptor then belongs to this object, which closes it. It gets close-on-exec and the
    /// blocking mode that the calls need. If the initializer throws, the descriptor is unchanged and
    /// still belongs to the calling code.
    ///
    /// - Parameter descriptor: The descriptor of a socket.
    /// - Throws: ``SocketError/Cause/system(_:)`` with `badFileDescriptor` or `notSocket` if the
    ///   descriptor is not a socket, or with `addressFamilyNotSupported` if the family is not IPv4, IPv6
    ///   or Unix.
    public convenience init(adopting descriptor: FileDescriptor) throws(SocketError) {
        let number = descriptor.rawValue
        do throws(Errno) {
            let (domain, type) = try System.identity(of: number)
            guard let family = AddressFamily.allCases.first(where: { $0.domain == domain }),
                let type = SocketType.allCases.first(where: { $0.raw == type })
            else { throw .addressFamilyNotSupported }
            try System.setCloseOnExec(number)
            try System.setBlocking(number, !System.isListening(number))
            let local = SocketAddress(try System.getsockname(number, fromUser: true))
            let remote = try? SocketAddress(System.getpeername(number))
            self.init(
                taking: OwnedSocket(
                    OwnedDescriptor(number), family, type,
                    local: local.port == 0 ? nil : local, remote: remote, timeoutsAreKnown: false))
        } catch {
            throw SocketError(.adopt, .system(error), subject: "descriptor \(number)")
        }
    }

    /// Gives up the descriptor, which the calling code then has to close.
    ///
    /// The socket counts as closed.
    ///
    /// The descriptor is blocking and without time limits, as socket(2) creates it. It keeps
    /// close-on-exec. The file of a Unix path stays.
    ///
    /// - Throws: ``SocketError/Cause/system(_:)`` with `resourceBusy` while another thread is inside a
    ///   call; ``SocketError/Cause/closed``.
    public func release() throws(SocketError) -> FileDescriptor {
        let socket = try handOver()
        socket.file?.keep()
        return FileDescriptor(rawValue: socket.descriptor.take())
    }

    /// Gives up the socket with its addresses and its file, blocking and without time limits.
    func handOver() throws(SocketError) -> OwnedSocket {
        let local = localAddress
        try call(.release) { descriptor throws(Errno) in
            try System.setTimeout(descriptor, .receive, microseconds: 0)
            try System.setTimeout(descriptor, .send, microseconds: 0)
            try System.setBlocking(descriptor, true)
        }
        forgetKernelTimeouts()
        guard lifetime.takeDescriptor() else {
            throw failure(.release, lifetime.isClosed ? .closed : .system(.resourceBusy))
        }
        let (remote, file) = names.withLock { ($0.remote, $0.file.take()) }
        return OwnedSocket(
            OwnedDescriptor(descriptor), family, type, local: local, remote: remote, file: file)
    }

    /// Returns a second socket on the same connection: dup(2).
    ///
    /// Both have to be closed, and the connection ends with the last. A shutdown or an option applies
    /// to both.
    ///
    /// - Throws: ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if no descriptors are left;
    ///   ``SocketError/Cause/closed``.
    public func duplicate() throws(SocketError) -> Socket {
        let copy = try call(.duplicate) { descriptor throws(Errno) in
            // From now on each could run into the time limit of the other, so neither uses the
            // kernel's limit.
            hasDuplicate.store(true, ordering: .sequentiallyConsistent)
            return try System.duplicate(descriptor)
        }
        forgetKernelTimeouts()
        let (local, remote) = names.withLock { ($0.local, $0.remote) }
        let socket = Socket(
            taking: OwnedSocket(
                OwnedDescriptor(copy), family, type, local: local, remote: remote,
                timeoutsAreKnown: false))
        socket.hasDuplicate.store(true, ordering: .sequentiallyConsistent)
        return socket
    }
}
