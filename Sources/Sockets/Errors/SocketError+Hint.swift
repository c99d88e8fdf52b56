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
            guard case .v6(let ip) = address?.ip, ip.isLinkLocal, ip.zone == nil else { return nil }
            return "A link-local address needs the link as its zone, such as \(ip)%eth0."
        default:
            return nil
        }
    }

    /// The hint of a bind or a connect for which the kernel found no local port.
    static let noLocalPort =
        "No local port is free for that; the range is net.ipv4.ip_local_port_range."
}
