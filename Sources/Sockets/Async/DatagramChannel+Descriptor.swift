public import SystemPackage

// The channel's descriptor.
extension DatagramChannel {
    /// Transfers ownership of the descriptor to the caller, which must close it.
    ///
    /// Later calls on the channel throw ``SocketError/Cause/closed``.
    ///
    /// The descriptor is blocking, as after socket(2). An adopted descriptor gets back its original
    /// blocking mode. The mode stays as it is if the socket was duplicated or its descriptor was
    /// lent, because other code may rely on it. Close-on-exec stays set. The socket file of a Unix
    /// path is not removed.
    ///
    /// One system call may receive several datagrams. While the channel has datagrams that were not
    /// returned yet, `release` throws. Receive them first, so that none is lost:
    ///
    /// ```swift
    /// while true {
    ///     do { return try channel.release() } catch { handle(try await channel.receive()) }
    /// }
    /// ```
    ///
    /// - Returns: The descriptor.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `resourceBusy` if another call has not ended, such
    ///     as a call of `withFileDescriptor`.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if received datagrams have not been returned yet.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func release() throws(SocketError) -> FileDescriptor {
        do throws(WaitFailure) {
            let descriptor = try source.releaseDescriptor {
                queue.isEmpty ? nil : "received datagrams have not been returned yet"
            }
            file?.keep()
            return FileDescriptor(rawValue: descriptor)
        } catch {
            throw failure(.release, error.cause)
        }
    }

    /// Returns a second channel on the same socket: dup(2).
    ///
    /// Each datagram is received by only one of the two channels. Options and the blocking mode
    /// (`O_NONBLOCK`) apply to both. The socket file of a Unix path is removed when this channel is
    /// closed.
    ///
    /// - Returns: The second channel, which uses the same loop.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if no descriptors are left.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func duplicate() throws(SocketError) -> DatagramChannel {
        let copy = try call(.duplicate, nil) { _ throws(Errno) in
            try source.duplicateDescriptor()
        }
        return try DatagramChannel(
            taking: OwnedSocket(
                OwnedDescriptor(copy), family, .datagram, local: localAddress,
                remote: remoteAddress, adoptedMode: source.modeAfterRelease, mayLinger: true,
                isShared: true),
            on: source.loop)
    }
}
