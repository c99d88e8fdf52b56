internal import SystemPackage

extension Listener {
    /// Takes over a listening stream socket, which then counts as closed.
    ///
    /// The listener removes the file that the socket would have removed.
    ///
    /// - Parameters:
    ///   - socket: A listening socket of the type ``SocketType/stream``.
    ///   - group: The loops that wait for clients and serve them.
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the socket is of another type or does not
    ///   listen; the errors of ``Socket/release()``. The socket is then unchanged.
    public convenience init(
        adopting socket: Socket, group: LoopGroup = .shared
    ) throws(SocketError) {
        let isListening = try socket.call(.adopt) { descriptor throws(Errno) in
            try System.isListening(descriptor)
        }
        guard socket.type == .stream, isListening else {
            let what = isListening ? "of the type \(socket.type)" : "that does not listen"
            throw SocketError(
                .adopt, .invalidInput("a socket \(what): expected a listening stream socket"),
                localAddress: socket.localAddress)
        }
        var owned = try socket.handOver()
        if owned.family != .unix { try owned.set([.noDelay]) }
        try self.init(taking: owned, on: group.nextRoundRobin(), of: group)
    }
}
