internal import SystemPackage

extension Listener {
    /// Creates a listener that takes ownership of a listening socket.
    ///
    /// Later calls on `socket` throw ``SocketError/Cause/closed``.
    ///
    /// The listener becomes responsible for removing the socket file. The socket becomes
    /// nonblocking (`O_NONBLOCK`) for all processes that share it, because accept(2) has no flag
    /// that prevents waiting. Other owners of the socket may clear the mode, so the listener sets
    /// it again before each accept(2). If another process clears it in between and accepts the only
    /// client, accept(2) waits for the next client, and the listener's loop serves nothing until
    /// then.
    ///
    /// - Parameters:
    ///   - socket: A listening socket. If its type is ``SocketType/sequencedPacket``, the listener
    ///     accepts clients with ``acceptPacketConnection(timeout:)``.
    ///   - group: The loops that wait for clients and serve them.
    /// - Throws: One of these errors, after which the socket is unchanged:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket does not listen.
    ///   - The errors of ``Socket/release()``.
    public convenience init(
        adopting socket: Socket, group: LoopGroup = .shared
    ) throws(SocketError) {
        let isListening = try socket.call(.adopt) { descriptor throws(Errno) in
            try System.isListening(descriptor)
        }
        guard isListening else {
            throw SocketError(
                .adopt, .invalidInput("the socket does not listen"),
                localAddress: socket.localAddress)
        }
        var owned = try socket.handOver()
        if owned.family != .unix { try owned.set([.noDelay]) }
        try self.init(taking: owned, on: group.nextRoundRobin(), of: group, isAdopted: true)
    }
}
