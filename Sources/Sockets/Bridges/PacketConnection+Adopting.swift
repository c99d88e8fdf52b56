internal import SystemPackage

extension PacketConnection {
    /// Creates a connection that takes ownership of a connected sequenced-packet socket.
    ///
    /// Later calls on `socket` throw ``SocketError/Cause/closed``.
    ///
    /// The connection becomes responsible for removing the socket file. The blocking mode
    /// (`O_NONBLOCK`), which belongs to all processes that share the socket, stays as it is. The
    /// option `SO_TIMESTAMP` is set, so that the connection can tell an empty packet from the end.
    ///
    /// ```swift
    /// let connection = try PacketConnection(adopting: Socket(adopting: descriptor))
    /// ```
    ///
    /// - Parameters:
    ///   - socket: A connected socket of the type ``SocketType/sequencedPacket``.
    ///   - group: The loop group. The connection belongs to one of its loops.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is of another type.
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the socket was never
    ///     connected. The initializer then closes the socket.
    ///   - The errors of ``Socket/release()``.
    public convenience init(
        adopting socket: Socket, group: LoopGroup = .shared
    ) throws(SocketError) {
        try socket.require(.sequencedPacket, for: .adopt)
        let loop = group.next()
        try loop.checkStarted()
        let owned = try socket.handOver()
        let address = owned.localAddress
        do throws(Errno) {
            try owned.checkConnected()
            try self.init(taking: owned, on: loop)
        } catch {
            throw .adoption(of: address, error)
        }
    }
}
