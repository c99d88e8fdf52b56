internal import SystemPackage

/// The local and the remote address of a newly established connection.
struct ConnectedAddresses {
    let local: SocketAddress
    let remote: SocketAddress

    /// Reads the addresses from the kernel: getsockname(2), getpeername(2).
    ///
    /// `target` is the address that the socket connected to.
    init(of descriptor: Int32, target: SocketAddress, _ type: SocketType) throws(Errno) {
        local = SocketAddress(try System.getsockname(descriptor))
        do throws(Errno) {
            remote = SocketAddress(try System.getpeername(descriptor))
        } catch {
            // If the peer has already reset the connection, the kernel no longer reports its
            // address. Use the target, because the next read or write reports the reset. A
            // disconnected datagram socket has no remote address either, and its target is
            // `.unnamed`.
            guard
                error == .socketNotConnected, target != .unnamed || type == .datagram
            else { throw error }
            remote = target
        }
    }

    /// Returns whether the socket is connected to itself.
    ///
    /// If the kernel chooses the target port as the source port, both ends of the handshake are
    /// this socket, and connect succeeds although no program listens.
    func isSelfConnect(_ type: SocketType) -> Bool {
        type == .stream && local.family != .unix && local == remote
    }
}
