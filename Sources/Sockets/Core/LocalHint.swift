internal import SystemPackage

// Hints that require a look at this machine, because the kernel reports several causes with one
// error number.
extension SocketError {
    /// Returns the error of a connect or a send, with a hint if the reason is on this machine.
    ///
    /// - Parameters:
    ///   - remote: The address of the peer.
    ///   - local: The local address, with port 0 if the kernel was to choose the port.
    ///   - type: The type of the socket.
    /// - Returns: The error.
    func withLocalHint(
        to remote: SocketAddress, from local: SocketAddress?, _ type: SocketType
    ) -> SocketError {
        switch cause {
        case .system(.addressNotAvailable) where type == .stream && local?.port ?? 0 != 0:
            return with(
                hint:
                    "The local port is already connected to that address. Port 0 picks a free one.")
        // `canReach` excludes another cause of this error: the machine has no source address of the
        // family.
        case .system(.addressNotAvailable) where type == .stream && Self.canReach(remote),
            .system(.wouldBlock) where type == .datagram:
            return with(hint: Self.noLocalPort)
        // `canReach` excludes another cause of this error: a firewall or a route forbids the
        // address.
        case .system(.permissionDenied)
        where type == .datagram && Self.canReach(remote, [.set(.broadcast, to: true)]):
            return with(
                hint: "A broadcast address needs the socket option broadcast (SO_BROADCAST).")
        case .system(let code) where Self.routeErrors.contains(code):
            guard let local, let hint = Self.unreachable(remote, from: local) else { return self }
            return with(
                subject: "\(remote) from \(local)", localAddress: local, hint: hint)
        default:
            return self
        }
    }

    /// The errors that the kernel reports if the source address cannot reach the destination.
    private static let routeErrors: [Errno] = [
        .invalidArgument, .networkUnreachable, .noRouteToHost, .addressNotAvailable,
    ]

    /// Returns why the source address cannot reach the destination, or `nil` if the error has
    /// another reason.
    private static func unreachable(
        _ remote: SocketAddress, from local: SocketAddress
    ) -> String? {
        guard let source = local.ip?.unmapped, let destination = remote.ip?.unmapped,
            !source.isUnspecified
        else { return nil }
        if source.family != destination.family {
            return "An \(source.family) address does not reach an \(destination.family) address."
        }
        guard source.isLoopback, !destination.isLoopback, !destination.isUnspecified else {
            return nil
        }
        return "A loopback address reaches only this machine."
    }

    /// Returns whether a datagram socket with these options can connect to the address.
    ///
    /// The check has no side effects, because connecting a datagram socket sends nothing.
    private static func canReach(
        _ remote: SocketAddress, _ options: [SocketOptionSetting] = []
    ) -> Bool {
        guard let family = remote.family, let wildcard = family.wildcard else { return false }
        // If the kernel finds no free port, a port outside `ip_local_port_range` may still be free.
        for port: UInt16 in [0, 1024, 65_535] {
            do throws(SocketError) {
                var socket = try OwnedSocket(family, .datagram)
                try socket.set(options)
                if port != 0 { try socket.bind(on: wildcard.with(port: port)) }
                let raw = try remote.raw(for: family, .connect, on: socket.descriptor.number)
                try socket.call(.connect) { descriptor throws(Errno) in
                    try System.connect(descriptor, raw)
                }
                return true
            } catch {
                guard error.errno == .wouldBlock || error.errno == .addressInUse else {
                    return false
                }
            }
        }
        return false
    }
}
