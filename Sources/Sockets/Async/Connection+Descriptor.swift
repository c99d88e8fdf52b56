public import SystemPackage

// The connection's descriptor.
extension Connection {
    /// Transfers ownership of the descriptor to the caller, which must close it.
    ///
    /// Later calls on the connection throw ``SocketError/Cause/closed``.
    ///
    /// The descriptor is blocking, as after socket(2). An adopted descriptor gets back its original
    /// blocking mode. The mode stays as it is if the socket was duplicated or its descriptor was
    /// lent, because other code may rely on it. Close-on-exec stays set. The socket file of a Unix
    /// client is not removed.
    ///
    /// A read of a line may receive bytes in advance. While such bytes have not been read,
    /// `release` throws, so that they are not lost. ``read(atMost:timeout:)`` returns them at once.
    ///
    /// - Returns: The descriptor.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `resourceBusy` if another call has not ended, such
    ///     as a call of `withFileDescriptor`.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if received bytes have not been read, or if the
    ///     connection uses TLS.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func release() throws(SocketError) -> FileDescriptor {
        do throws(WaitFailure) {
            let descriptor = try source.releaseDescriptor {
                if tlsReference.isCreated { return Self.usesTLS }
                return input.isEmpty
                    ? nil : "the program has not read \(input.count.bytes) of its input"
            }
            file?.keep()
            return FileDescriptor(rawValue: descriptor)
        } catch {
            throw failure(.release, after: error)
        }
    }

    /// Returns a second connection on the same socket: dup(2).
    ///
    /// The connection ends only when both objects are closed. Shutdowns, options and the blocking
    /// mode (`O_NONBLOCK`) apply to both. Bytes that this object has received in advance stay with
    /// this object. The second object has its own time limits. The socket file of a Unix client is
    /// removed when this object is closed.
    ///
    /// - Returns: The second connection, which uses the same loop.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if no descriptors are left.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the connection uses TLS.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func duplicate() throws(SocketError) -> Connection {
        guard !tlsReference.isCreated else {
            throw failure(.duplicate, .invalidInput(Self.usesTLS))
        }
        let copy = try call(.duplicate, nil) { _ throws(Errno) in
            try source.duplicateDescriptor()
        }
        do throws(Errno) {
            return try Connection(
                taking: OwnedSocket(
                    OwnedDescriptor(copy), family, .stream, local: localAddress,
                    remote: remoteAddress, adoptedMode: source.modeAfterRelease, mayLinger: true,
                    connectionError: connectionError, isShared: true),
                on: source.loop)
        } catch {
            throw failure(.duplicate, .system(error))
        }
    }

    /// The reason why the descriptor of a connection with TLS is of no use to other code.
    private static let usesTLS =
        "the connection uses TLS, whose keys the descriptor does not contain"
}
