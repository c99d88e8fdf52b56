internal import SystemPackage

/// Decides whether a reply that cannot be sent is a lost datagram or an error.
///
/// The address of a sender can be forged, and a sender may have gone. No sender must be able to
/// stop a server that replies to every datagram. So a failure that a peer can cause is a lost
/// datagram, and a failure that only the program can cause is an error.
enum ReplyRules {
    /// Returns whether a datagram from `address` can be answered.
    ///
    /// Port 0 means that the sender expects no reply (RFC 768).
    ///
    /// The kernel interprets the destination 0.0.0.0 as this machine, and it accepts broadcasts
    /// from that source address. A reply to 0.0.0.0 at the socket's own port would reach the
    /// socket itself, which would reply again in an endless loop.
    @inline(__always)
    static func isReplyAddress(_ address: SocketAddress, on local: SocketAddress) -> Bool {
        guard let port = address.port else { return address != .unnamed }
        return port != 0 && !(port == local.port && address.ip?.isUnspecified == true)
    }

    /// Returns whether the cause concerns only this destination, and neither the socket nor the
    /// program.
    ///
    /// - Parameters:
    ///   - cause: Why sending failed.
    ///   - remote: The destination.
    ///   - family: The family of the socket.
    ///   - local: The local address of the socket.
    ///   - isIPv6Only: Whether an IPv6 socket refuses IPv4.
    /// - Returns: `true` if the caller must treat the datagram as lost.
    static func isUndeliverable(
        _ cause: SocketError.Cause, to remote: SocketAddress, from family: AddressFamily,
        _ local: SocketAddress, isIPv6Only: () -> Bool
    ) -> Bool {
        guard case .system(let code) = cause else { return false }
        if family == .unix { return undeliverableUnixErrors.contains(code) }
        guard undeliverableIPErrors.contains(code) else { return false }
        return !isMistake(remote, family, local, isIPv6Only)
    }

    /// Returns `true` if no peer of the socket can have this address.
    ///
    /// The program must then have chosen the address by mistake.
    private static func isMistake(
        _ remote: SocketAddress, _ family: AddressFamily, _ local: SocketAddress,
        _ isIPv6Only: () -> Bool
    ) -> Bool {
        switch remote.ip?.unmapped {
        // The kernel discards a datagram whose source is a multicast group or 255.255.255.255 (RFC
        // 1122, section 3.2.1.3; RFC 4291, section 2.7), so only the program can choose such a
        // destination.
        case let ip? where ip.isMulticast || ip == .v4(.broadcast): return true
        // The kernel reports a link-local sender with its zone, so no link-local sender lacks a
        // zone.
        case .v6: return family == .ipv4 || remote.lacksZone
        // An IPv4 sender reaches an IPv6 socket only at the wildcard address or at an IPv4-mapped
        // address.
        case .v4:
            guard family == .ipv6 else { return false }
            if case .v4? = local.ip?.unmapped { return false }
            return local.ip != .v6(.any) || isIPv6Only()
        case nil: return true
        }
    }

    /// The errors that a missing or unusable route causes.
    ///
    /// Without the option `.broadcast`, the kernel reports `EACCES` for the broadcast address of a
    /// network, which a sender can forge. A reply may have no route from the local address to which
    /// the request was sent, because that address is a loopback address or was removed meanwhile.
    /// The link of a link-local sender may have disappeared or have a new name.
    private static let undeliverableIPErrors: [Errno] = [
        .networkUnreachable, .noRouteToHost, .hostIsDown, .networkDown, .notPermitted,
        .permissionDenied, .invalidArgument, .addressNotAvailable, .operationNotSupportedByDevice,
    ]

    /// The errors that a Unix peer causes.
    ///
    /// The peer may have ended, replaced its socket file or changed permissions. It may also have
    /// connected its socket to another socket (`EPERM`) or shut down its receiving direction
    /// (`EPIPE`).
    private static let undeliverableUnixErrors: [Errno] = [
        .connectionRefused, .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels,
        .permissionDenied, .protocolWrongTypeForSocket, .notPermitted, .brokenPipe,
    ]

    /// Returns whether a reply to a Unix peer is lost because the peer's request is too long to be
    /// sent back.
    ///
    /// The peer chooses the length of a request, and its send buffer may be larger than that of
    /// this socket. A reply that is longer than the request is the program's own choice, so it is
    /// an error.
    static func isTooLongEcho(
        _ cause: SocketError.Cause, _ reply: RawSpan, toRequestOf count: Int
    ) -> Bool {
        cause == .system(.messageTooLong) && reply.byteCount <= count
    }
}

extension SocketAddress {
    /// Creates the local address that a datagram was sent to, or `nil` if the datagram was sent to
    /// a multicast group or to 255.255.255.255.
    init?(destination packet: PacketAddress, port: UInt16) {
        var packet = packet
        if case .ipv6(let high, let low, let port, _) = packet, high >> 54 != 0xFE80 >> 6 {
            // Remove the scope, because only a link-local address needs an interface.
            packet = .ipv6(high: high, low: low, port: port, scope: 0)
        }
        self = SocketAddress(packet).with(port: port)
        guard ip?.isMulticast == false, ip != .v4(.broadcast) else { return nil }
    }

    /// Returns this address without its port, as the source address of datagrams from the socket
    /// `descriptor`, or `nil` if this is a Unix address.
    func packetAddress(for descriptor: Int32) throws(Errno) -> PacketAddress? {
        guard let family, family != .unix else { return nil }
        return try raw(for: family, on: descriptor).content
    }
}
