public import SystemPackage

// The connection's descriptor.
extension PacketConnection {
    /// Transfers ownership of the descriptor to the caller, which must close it.
    ///
    /// Later calls on the connection throw ``SocketError/Cause/closed``.
    ///
    /// The descriptor is blocking, as after socket(2). An adopted descriptor gets back its original
    /// blocking mode. The mode stays as it is if the socket was duplicated or its descriptor was
    /// lent, because other code may rely on it. Close-on-exec and `SO_TIMESTAMP` stay set. The
    /// socket file of a client is not removed.
    ///
    /// - Returns: The descriptor.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `resourceBusy` if another call has not ended, such
    ///     as a call of `withFileDescriptor`.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func release() throws(SocketError) -> FileDescriptor {
        do throws(WaitFailure) {
            let descriptor = try source.releaseDescriptor { nil }
            file?.keep()
            return FileDescriptor(rawValue: descriptor)
        } catch {
            throw failure(.release, error.cause)
        }
    }

    /// Returns a second connection on the same socket: dup(2).
    ///
    /// Each packet is received by only one of the two objects. The connection ends only when both
    /// are closed. Shutdowns, options and the blocking mode (`O_NONBLOCK`) apply to both. The
    /// socket file of a client is removed when this object is closed.
    ///
    /// - Returns: The second connection, which uses the same loop.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if no descriptors are left.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func duplicate() throws(SocketError) -> PacketConnection {
        let copy = try call(.duplicate, nil) { _ throws(Errno) in
            try source.duplicateDescriptor()
        }
        do throws(Errno) {
            return try PacketConnection(
                taking: OwnedSocket(
                    OwnedDescriptor(copy), family, .sequencedPacket, local: localAddress,
                    remote: remoteAddress, adoptedMode: source.modeAfterRelease, mayLinger: true,
                    connectionError: brokenBy, isShared: true),
                on: source.loop)
        } catch {
            throw failure(.duplicate, .system(error))
        }
    }

    /// Returns a descriptor of the peer's process: getsockopt(2) with `SO_PEERPIDFD`, since Linux
    /// 6.5.
    ///
    /// The descriptor still refers to the process after the process ID is reused (pidfd_open(2)).
    /// It becomes readable when the process ends.
    ///
    /// - Returns: The descriptor, which has close-on-exec. The caller must close it.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `noSuchProcess` if the process has ended. Newer
    ///     kernels return a descriptor even then.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if no descriptors are left.
    ///   - ``SocketError/Cause/system(_:)`` with `protocolNotAvailable` before Linux 6.5.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func peerProcess() throws(SocketError) -> FileDescriptor {
        FileDescriptor(rawValue: try openPeerProcess())
    }
}
