// Initializers that bind.
extension Socket {
    /// Creates a socket that is bound to an endpoint.
    ///
    /// Unless it is a datagram socket, it listens.
    ///
    /// ```swift
    /// let server = try Socket(on: .tcp(port: 51423))
    /// let client = try server.accept()
    /// ```
    ///
    /// A datagram socket is then ready for `receiveFrom`. Every other socket is ready for `accept`.
    /// An endpoint without a host, or with the host `::`, binds every interface. One socket then
    /// serves IPv4 and IPv6; ``ListenOptions/family`` restricts it to IPv6. On a machine without
    /// IPv6, an endpoint without a host serves only IPv4. `SO_REUSEADDR` is set on TCP sockets, so
    /// a server can restart at once. With port 0, the kernel chooses the port; see
    /// ``localAddress``.
    ///
    /// The call replaces the socket file of a server that has ended. If a running server uses the
    /// path, or if the path is another kind of file, the call throws `addressInUse`. `close`
    /// removes the socket file.
    ///
    /// The call blocks the thread while it resolves a name; the async counterparts are
    /// ``Listener/init(on:timeout:tls:group:options:)`` and
    /// ``DatagramChannel/init(on:timeout:group:options:)``.
    ///
    /// If a host such as `localhost` has several addresses, the socket is bound only to the first
    /// of them that can be bound, and ``localAddress`` is that address. Leave the host empty to
    /// serve IPv4 and IPv6.
    ///
    /// - Parameters:
    ///   - endpoint: The local endpoint, whose transport determines the socket's type.
    ///   - timeout: The time limit for the name lookup.
    ///   - options: The family, the backlog and the socket options.
    /// - Throws: The errors of
    ///   ``Resolver/resolve(_:family:numericOnly:forBinding:timeout:)-9fwuv``, ``bind(on:)`` and
    ///   ``listen(backlog:)``.
    public convenience init(
        on endpoint: Endpoint, timeout: TimeLimit = .never, options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        do throws(SocketError) {
            try options.checkUnsharded()
            let addresses = try Resolver.resolve(
                endpoint, family: options.family, forBinding: true,
                deadline: Deadline(startingNow: timeout))
            self.init(taking: try OwnedSocket.bound(toOneOf: addresses, of: endpoint, options))
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Creates a socket that is bound to an address, and listens unless it is a datagram socket;
    /// see ``init(on:timeout:options:)``.
    ///
    /// The address `::` serves IPv4 and IPv6 unless ``ListenOptions/family`` is
    /// ``AddressFamily/ipv6``. No other IPv6 address serves IPv4. An IPv4-mapped address, such as
    /// `::ffff:127.0.0.1`, is bound as its IPv4 address.
    ///
    /// - Parameters:
    ///   - address: The local address.
    ///   - type: The socket's type, which an address does not specify.
    ///   - options: The backlog, the socket options and whether `::` serves only IPv6.
    /// - Throws: The errors of ``bind(on:)`` and ``listen(backlog:)``.
    public convenience init(
        on address: SocketAddress, type: SocketType = .stream,
        options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        try options.checkUnsharded()
        self.init(taking: try OwnedSocket.bound(on: address, type, options))
    }
}
