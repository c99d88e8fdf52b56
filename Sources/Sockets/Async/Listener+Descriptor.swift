internal import Synchronization
public import SystemPackage

// The listener's descriptor, and its options.
extension Listener {
    /// Transfers ownership of the descriptor to the caller, which must close it.
    ///
    /// Later calls on the listener throw ``SocketError/Cause/closed``. Clients stay in the backlog.
    ///
    /// The descriptor is blocking, as after socket(2). An adopted descriptor gets back its original
    /// blocking mode. The mode stays as it is if the socket was duplicated or its descriptor was
    /// lent, because other code may rely on it. Close-on-exec stays set. The socket file of a Unix
    /// path is not removed. If the listener uses TLS, the descriptor accepts plain connections.
    ///
    /// - Returns: The descriptor.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `resourceBusy` if another call has not ended, such
    ///     as a call of `withFileDescriptor`.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the listener is sharded.
    ///   - ``SocketError/Cause/closed`` if the listener was closed.
    public func release() throws(SocketError) -> FileDescriptor {
        try requireOneDescriptor(for: .release)
        do throws(WaitFailure) {
            let descriptor = try source.releaseDescriptor { nil }
            file?.keep()
            return FileDescriptor(rawValue: descriptor)
        } catch {
            throw SocketError(.release, error.cause, localAddress: localAddress)
        }
    }

    /// Returns a second listener on the same socket: dup(2).
    ///
    /// Each client is accepted by only one of the two listeners. The backlog and the port stay
    /// until both listeners are closed. Options and the blocking mode (`O_NONBLOCK`) apply to both;
    /// ``init(adopting:group:)`` explains what happens if other code clears the mode. The socket
    /// file of a Unix path is removed when this listener is closed.
    ///
    /// - Returns: The second listener, which uses the same loops and the same TLS configuration.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if no descriptors are left.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the listener is sharded.
    ///   - ``SocketError/Cause/closed`` if the listener was closed.
    public func duplicate() throws(SocketError) -> Listener {
        let copy = try call(.duplicate, nil) { _ throws(Errno) in
            modeMayChange.store(true, ordering: .relaxed)
            return try source.duplicateDescriptor()
        }
        return try Listener(
            taking: OwnedSocket(
                OwnedDescriptor(copy), family, type, local: localAddress,
                adoptedMode: source.modeAfterRelease, mayLinger: true, isShared: true),
            on: group.nextRoundRobin(), of: group, tls: tls, isAdopted: true)
    }

    /// The access to the descriptor, for the library's own use.
    public var _access: _DescriptorAccess { _DescriptorAccess(owner: self) }

    var peerAddress: SocketAddress? { nil }

    func willLendDescriptor() { modeMayChange.store(true, ordering: .relaxed) }

    func requireOneDescriptor(for operation: SocketError.Operation) throws(SocketError) {
        guard isSharded else { return }
        throw SocketError(
            operation, .invalidInput("a sharded listener has a socket for each loop"),
            localAddress: localAddress)
    }

    /// Sets `O_NONBLOCK` again if other code may have cleared it.
    ///
    /// accept(2) has no flag like `MSG_DONTWAIT`. If another owner of the socket accepted the
    /// client first, a blocking accept(2) would hold up the loop.
    @inline(__always)
    func keepNonblocking(_ descriptor: Int32) throws(Errno) {
        guard _slowPath(modeMayChange.load(ordering: .relaxed)) else { return }
        try System.setBlocking(descriptor, false)
    }
}
