internal import SystemPackage

/// Both addresses of a connection that has just been established.
struct ConnectedAddresses {
    let local: SocketAddress
    let remote: SocketAddress

    /// Reads the addresses from the kernel: getsockname(2), getpeername(2).
    ///
    /// `target` is the address that the socket connected to.
    init(
        of descriptor: Int32, target: SocketAddress, _ type: SocketType
    ) throws(Errno) {
        local = SocketAddress(try System.getsockname(descriptor))
        do throws(Errno) {
            remote = SocketAddress(try System.getpeername(descriptor))
        } catch {
            // A peer that has reset the connection by now has no name any more. The connection was
            // established, and the next read or write reports the reset. And a datagram socket
            // whose peer was taken off has none.
            guard
                error == .socketNotConnected, target != .unnamed || type == .datagram
            else { throw error }
            remote = target
        }
    }

    /// Whether the socket is connected to itself.
    ///
    /// If the kernel chooses the target port as the source port, both ends of the handshake are this
    /// socket, and connect succeeds although no program listens.
    func isSelfConnect(_ type: SocketType) -> Bool {
        type == .stream && local.family != .unix && local == remote
    }
}
