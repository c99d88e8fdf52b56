extension DatagramChannel {
    /// Takes over a datagram socket, which then counts as closed.
    ///
    /// The socket may be bound, connected or neither. An Internet socket that is not bound gets a port
    /// that the kernel chooses. The channel removes the file that the socket would have removed.
    ///
    /// - Parameters:
    ///   - socket: A socket of the type ``SocketType/datagram``.
    ///   - group: The loop group. One of its loops waits for the datagrams.
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the socket is of another type; the errors of
    ///   ``Socket/release()``.
    public convenience init(
        adopting socket: Socket, group: LoopGroup = .shared
    ) throws(SocketError) {
        guard socket.type == .datagram else {
            throw SocketError(
                .adopt,
                .invalidInput(
                    "a socket of the type \(socket.type): expected one of the type datagram"),
                localAddress: socket.localAddress)
        }
        try self.init(taking: try socket.handOver(), group)
    }
}
