/// The optional settings for connecting, passed as `options:` to an initializer with `to:`.
///
/// ```swift
/// let connection = try await Connection(
///     to: .tcp("www.example.com", port: "http"), options: .init(family: .ipv4))
/// ```
public struct ConnectOptions: Sendable {
    /// The local addresses or ports to connect from, at most one for each family; empty to let the
    /// kernel choose.
    ///
    /// Each attempt uses the first local address that has the family of the peer's address. If a
    /// family has no local address, the peer's addresses of this family are not tried. An
    /// unspecified address (`0.0.0.0` or `::`) applies its port to attempts of both families,
    /// unless the other family has its own local address.
    ///
    /// ```swift
    /// let options = ConnectOptions(localAddresses: [
    ///     SocketAddress("192.0.2.7:0")!, SocketAddress("[2001:db8::7]:0")!,
    /// ])
    /// ```
    ///
    /// A Unix datagram socket needs a local address to receive replies. ``SocketAddress/unnamed``
    /// makes the kernel choose an abstract name for a Unix socket (unix(7), "Autobind feature"):
    ///
    /// ```swift
    /// let channel = try await DatagramChannel(
    ///     to: .unixDatagram("/run/app.sock"), options: .init(localAddress: .unnamed))
    /// ```
    public var localAddresses: [SocketAddress]

    /// The only address family to try, or `nil` to try all addresses of the endpoint.
    public var family: AddressFamily?

    /// The socket options to set on each attempt, in order, before bind and connect.
    ///
    /// If the kernel rejects an option, the connect fails with an error that names the option and
    /// its value, and no other address is tried.
    public var socketOptions: [SocketOptionSetting]

    /// The proxies through which to connect, or `nil` to connect directly.
    ///
    /// The other options apply to the connection to the first proxy. The remote address of the
    /// socket is the address of this proxy. The time limit of the connect covers the dialogue with
    /// each proxy.
    ///
    /// A proxy reaches only TCP endpoints. A connect to any other endpoint ignores
    /// ``Proxy/fromEnvironment``, and throws ``SocketError/Cause/invalidInput(_:)`` for other
    /// proxies.
    public var through: Proxy?

    /// Creates options with one local address or none.
    ///
    /// Omitted parameters keep their defaults.
    public init(
        localAddress: SocketAddress? = nil, family: AddressFamily? = nil,
        socketOptions: [SocketOptionSetting] = [], through: Proxy? = nil
    ) {
        self.init(
            localAddresses: localAddress.map { [$0] } ?? [], family: family,
            socketOptions: socketOptions, through: through)
    }

    /// Creates options with a local address for each family.
    ///
    /// Omitted parameters keep their defaults.
    public init(
        localAddresses: [SocketAddress], family: AddressFamily? = nil,
        socketOptions: [SocketOptionSetting] = [], through: Proxy? = nil
    ) {
        self.localAddresses = localAddresses
        self.family = family
        self.socketOptions = socketOptions
        self.through = through
    }

    /// Returns the steps of a connect through the proxies, or no steps if there are no proxies.
    func hops(to endpoint: Endpoint) throws(SocketError) -> [ProxyHop] {
        try through?.hops(to: endpoint) ?? []
    }

    /// Returns the steps of a connect to an address, as ``hops(to:)`` does for an endpoint.
    func hops(to address: SocketAddress, _ type: SocketType) throws(SocketError) -> [ProxyHop] {
        guard through != nil, let endpoint = Endpoint(address, type) else { return [] }
        return try hops(to: endpoint)
    }

    /// Returns whether a socket can connect to `peer` from a local address of the options.
    func canReach(_ peer: SocketAddress) -> Bool {
        localAddresses.isEmpty || source(for: peer) != nil
    }

    /// Returns the local address for a connection to `peer`, or `nil` if the kernel chooses it.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if no local address has the family of
    ///   `peer`.
    func localAddress(for peer: SocketAddress) throws(SocketError) -> SocketAddress? {
        guard let first = localAddresses.first else { return nil }
        if let source = source(for: peer) { return source }
        let family = peer.socketFamily
        throw SocketError(
            .bind,
            .invalidInput(
                "the peer's address is \(family), so the local address must be \(family) too"),
            localAddress: first)
    }

    private func source(for peer: SocketAddress) -> SocketAddress? {
        localAddresses.first { $0.unmapped.family == peer.socketFamily }
            ?? localAddresses.first { $0.family == nil || $0.ip?.isUnspecified == true }
    }
}

extension SocketAddress {
    /// The family of a socket that connects to the address.
    var socketFamily: AddressFamily { unmapped.family ?? .unix }
}
