internal import SystemPackage

// Hints that follow from the operation, the cause and the addresses alone.
extension SocketError {
    var hintOfAddress: String? {
        switch (operation, cause) {
        case (.bind, .system(.addressNotAvailable)):
            return
                "This machine does not have that address; list its addresses with: ip address"
        case (.bind, .system(.addressInUse)) where localAddress?.port == 0,
            // If the socket is not bound, listen(2) makes the kernel choose a port.
            (.listen, .system(.addressInUse)) where localAddress?.port ?? 0 == 0:
            return Self.noLocalPort
        case (.bind, .system(.invalidArgument)):
            return localAddress.flatMap { Self.missingZone(of: $0) }
        case (.connect, .system(.invalidArgument)), (.send, .system(.invalidArgument)):
            return remoteAddress.flatMap { Self.missingZone(of: $0) }
        // The routes select the interface for a multicast group without a zone, so the missing zone
        // may be the cause.
        case (.send, .system(.networkUnreachable)), (.send, .system(.noRouteToHost)),
            (.send, .system(.addressNotAvailable)):
            guard let remoteAddress, remoteAddress.ip?.isMulticast == true else { return nil }
            return Self.missingZone(of: remoteAddress)
        default:
            return nil
        }
    }

    private static func missingZone(of address: SocketAddress) -> String? {
        guard address.lacksZone, let ip = address.ip else { return nil }
        return "A link-local address needs the link as its zone, such as \(ip)%eth0."
    }

    /// The hint of a call for which the kernel found no local port.
    static let noLocalPort =
        "No local port is free for that address; the range is net.ipv4.ip_local_port_range."
}
