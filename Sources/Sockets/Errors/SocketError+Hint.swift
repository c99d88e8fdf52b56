internal import SystemPackage

// Hints that follow from the operation, the cause and the addresses alone.
extension SocketError {
    var hintOfAddress: String? {
        switch (operation, cause) {
        case (.bind, .system(.addressNotAvailable)):
            return "This machine does not have that address; ip address lists the ones it has."
        case (.bind, .system(.addressInUse)) where localAddress?.port == 0:
            return Self.noLocalPort
        case (.bind, .system(.invalidArgument)), (.connect, .system(.invalidArgument)),
            (.send, .system(.invalidArgument)), (.send, .system(.networkUnreachable)),
            (.send, .system(.noRouteToHost)), (.send, .system(.addressNotAvailable)):
            let address = operation == .bind ? localAddress : remoteAddress
            guard case .v6(let ip) = address?.ip, ip.needsZone, ip.zone == nil else { return nil }
            return "A link-local address needs the link as its zone, such as \(ip)%eth0."
        default:
            return nil
        }
    }

    /// The hint of a bind or a connect for which the kernel found no local port.
    static let noLocalPort =
        "No local port is free for that; the range is net.ipv4.ip_local_port_range."
}

extension IPv6Address {
    /// A Boolean value that indicates whether the kernel needs a zone for the address: a link-local
    /// address, or a multicast group with interface-local or link-local scope (RFC 4291).
    fileprivate var needsZone: Bool {
        isLinkLocal || isMulticast && (1...2).contains(high >> 48 & 0xF)
    }
}
