// From an endpoint to a bound socket.
extension Socket {
    /// Binds an endpoint, and also listens if the socket is a stream.
    ///
    /// ```swift
    /// let server = try Socket(on: .tcp(port: 51423))
    /// let client = try server.accept()
    /// ```
    ///
    /// A TCP, Unix stream or Unix sequenced-packet socket is ready for `accept`, a datagram socket for
    /// `receiveFrom`. An endpoint without a host binds every interface, IPv4 and IPv6 with one socket,
    /// or IPv4 alone where there is no IPv6. `SO_REUSEADDR` is set on TCP sockets, so that a server
    /// can restart at once. With port 0 the kernel chooses the port; see ``localAddress``.
    ///
    /// A Unix path that a dead server left behind is replaced. The path of a running server fails with
    /// `addressInUse`, and any other file is left alone. `close` removes the file.
    ///
    /// The call blocks the thread while it looks a name up; the async counterparts are
    /// ``Listener/init(on:timeout:group:options:)`` and
    /// ``DatagramChannel/init(on:timeout:group:options:)``.
    ///
    /// - Parameters:
    ///   - endpoint: The local end, of any transport. The transport determines the socket's type.
    ///   - timeout: The limit of the name lookup.
    ///   - options: The family, the backlog and the socket options.
    /// - Throws: The errors of ``Resolver/resolve(_:family:numericOnly:forBinding:timeout:)-9fwuv``,
    ///   ``bind(on:)`` and ``listen(backlog:)``.
    public convenience init(
        on endpoint: Endpoint, timeout: TimeLimit = .never, options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        do throws(SocketError) {
            try options.checkUnsharded()
            let addresses = try Resolver.resolve(
                endpoint, family: options.family, forBinding: true,
                deadline: Deadline(startingNow: timeout))
            self.init(taking: try OwnedSocket.bound(toOneOf: addresses, of: endpoint, options))
            if type != .datagram { try listen(backlog: options.backlog) }
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Binds an address, and also listens if the socket is a stream; see
    /// ``init(on:timeout:options:)``.
    ///
    /// An IPv6 address serves IPv6 alone, also the wildcard address.
    ///
    /// - Parameters:
    ///   - address: The local address.
    ///   - type: The socket's type, because an address has none.
    ///   - options: The backlog and the socket options.
    /// - Throws: The errors of ``bind(on:)`` and ``listen(backlog:)``.
    public convenience init(
        on address: SocketAddress, type: SocketType = .stream,
        options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        try options.checkUnsharded()
        self.init(taking: try OwnedSocket.bound(on: address, type, isDualStack: false, options))
        if type != .datagram { try listen(backlog: options.backlog) }
    }
}
