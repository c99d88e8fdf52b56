internal import SystemPackage

extension Connection {
    /// Creates a connection that takes ownership of a connected stream socket.
    ///
    /// Later calls on `socket` throw ``SocketError/Cause/closed``.
    ///
    /// The blocking mode (`O_NONBLOCK`) belongs to all processes that share the socket. It stays as
    /// it is, because reading and writing work in either mode. Only
    /// ``sendFile(_:header:offset:count:timeout:)`` and ``join(_:idleTimeout:)`` make the socket
    /// nonblocking.
    ///
    /// ```swift
    /// let connection = try Connection(adopting: Socket(adopting: descriptor))
    /// ```
    ///
    /// - Parameters:
    ///   - socket: A connected socket of the type ``SocketType/stream``.
    ///   - group: The loop group. The connection belongs to one of its loops.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is of another type.
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the socket was never
    ///     connected. The initializer then closes the socket. If the peer has already reset the
    ///     connection, the initializer succeeds. Reads return the bytes that arrived before the
    ///     reset, and then throw the reset.
    ///   - The errors of ``Socket/release()``.
    public convenience init(
        adopting socket: Socket, group: LoopGroup = .shared
    ) throws(SocketError) {
        try socket.require(.stream, for: .adopt)
        let loop = group.next()
        try loop.checkStarted()
        let owned = try socket.handOver()
        let address = owned.localAddress
        do throws(Errno) {
            try owned.checkConnected()
            try self.init(taking: owned, on: loop)
            sendFileMayWait = true
        } catch {
            throw .adoption(of: address, error)
        }
    }
}

extension SocketError {
    /// Returns the error for a failed adoption of the socket with this local address.
    static func adoption(of address: SocketAddress?, _ error: Errno) -> SocketError {
        SocketError(
            .adopt, .system(error),
            subject: address.flatMap { $0 == .unnamed ? nil : "the socket on \($0)" },
            localAddress: address)
    }
}

extension OwnedSocket {
    /// Throws `ENOTCONN` if the socket has never been connected.
    ///
    /// After a reset by the peer, the kernel reports `ENOTCONN` too, but the bytes that arrived
    /// before the reset can still be read. So the call succeeds if the socket was connected.
    func checkConnected() throws(Errno) {
        do throws(Errno) {
            _ = try System.getpeername(descriptor.number)
        } catch .socketNotConnected {
            // If an address was captured, the connection was established earlier.
            if let remoteAddress, remoteAddress != .unnamed { return }
            guard let error = try System.takeError(descriptor.number), error.breaksConnection,
                let connectionError
            else { throw .socketNotConnected }
            connectionError.note(error)
        }
    }
}
