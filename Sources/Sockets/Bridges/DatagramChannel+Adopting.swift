extension DatagramChannel {
    /// Creates a channel that takes ownership of a datagram socket.
    ///
    /// Later calls on `socket` throw ``SocketError/Cause/closed``.
    ///
    /// The socket may be bound, connected or neither. If an Internet socket is not bound, the
    /// kernel chooses a port. The channel becomes responsible for removing the socket file. The
    /// blocking mode (`O_NONBLOCK`), which belongs to all processes that share the socket, stays as
    /// it is.
    ///
    /// - Parameters:
    ///   - socket: A socket of the type ``SocketType/datagram``.
    ///   - group: The loop group. One of its loops waits for the datagrams.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is of another type.
    ///   - The errors of ``Socket/release()``.
    public convenience init(
        adopting socket: Socket, group: LoopGroup = .shared
    ) throws(SocketError) {
        try socket.require(.datagram, for: .adopt)
        try self.init(taking: try socket.handOver(), group)
    }
}
