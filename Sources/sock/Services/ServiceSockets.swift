import Sockets

/// The sockets of a service on one address: a TCP listener, and a UDP socket with the same port
/// number.
struct ServiceSockets: Sendable {
    let listener: Socket
    /// The UDP socket; nil for TLS, which needs a stream.
    let datagrams: Socket?

    /// Opens both sockets on every address of a host, or only the listeners if the service uses
    /// TLS.
    ///
    /// The host is a name or an address, or `*` for every interface. If it is nil, the sockets use
    /// the loopback addresses of both families.
    ///
    /// `skipped` is called with each address that this machine does not have, and with the reason.
    static func open(
        host: String?, port: Port, family: AddressFamily?, usesTLS: Bool = false,
        skipped: (Endpoint, SocketError) -> Void = { _, _ in }
    ) throws -> [ServiceSockets] {
        let endpoints = try endpoints(of: host, port: port, family: family)
        if let host, let group = endpoints.group {
            throw UsageError(
                "\(TerminalText.escaped(host)) is a multicast group, but a service needs an address"
                    + " of this machine",
                hint: "Write \(group.command(host)).")
        }
        return try endpoints.open(
            port: \.listener.localAddress.port, skipped: skipped,
            { endpoint throws(SocketError) in
                try open(endpoint, ListenOptions(family: family), usesTLS: usesTLS)
            })
    }

    private static func endpoints(
        of host: String?, port: Port, family: AddressFamily?
    ) throws(SocketError) -> LocalEndpoints {
        switch host {
        case nil:
            let families = family.map { [$0] } ?? [.ipv4, .ipv6]
            return LocalEndpoints(families.map { .tcp(loopback($0), port: port) })
        case "*"? where family == nil, "::"? where family == nil:
            return LocalEndpoints([.tcp(port: port)])
        case "*"?: return LocalEndpoints([.tcp(family == .ipv6 ? "::" : "0.0.0.0", port: port)])
        case let host?: return try LocalEndpoints(of: .tcp(host, port: port), family: family)
        }
    }

    private static func loopback(_ family: AddressFamily) -> String {
        family == .ipv6 ? "::1" : "127.0.0.1"
    }

    private static func open(
        _ endpoint: Endpoint, _ options: ListenOptions, usesTLS: Bool
    ) throws(SocketError) -> ServiceSockets {
        let listener = try Socket(on: endpoint, options: options)
        if usesTLS { return ServiceSockets(listener: listener, datagrams: nil) }
        // Use the port of the listener, which the kernel may have chosen. If that port is in use
        // for UDP, this function throws an error.
        let port = listener.localAddress.port.map { Port($0) } ?? endpoint.port ?? 0
        let datagrams = try Socket(on: .udp(endpoint.host ?? "", port: port), options: options)
        return ServiceSockets(listener: listener, datagrams: datagrams)
    }
}
