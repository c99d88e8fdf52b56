internal import SystemPackage

extension Connection {
    /// Creates a connection to an endpoint.
    ///
    /// ```swift
    /// let connection = try await Connection(to: .tcp("localhost", port: "daytime"))
    /// ```
    ///
    /// The initializer resolves the name and tries the addresses as RFC 8305 specifies. IPv6 and
    /// IPv4 addresses alternate, and the next attempt starts when the previous attempt has failed
    /// or has had no answer for 250 ms. The connection uses the first attempt that succeeds, and
    /// the other attempts are closed. A separate thread resolves the name. The call abandons this
    /// thread after a timeout or a cancellation. `TCP_NODELAY` is set on TCP connections.
    ///
    /// - Parameters:
    ///   - endpoint: The peer's endpoint: TCP or a Unix stream.
    ///   - timeout: The time limit for the name lookup, all attempts, the proxies and the TLS
    ///     handshake together.
    ///   - tls: How to use TLS, such as `.client()`, or `nil` for a plain connection. The
    ///     certificate must be for ``TLSConfiguration/serverName``, or for the endpoint's host if
    ///     that property is `nil`. A Unix endpoint has no host, so it requires the property.
    ///   - group: The loop group. The connection belongs to one of its loops.
    ///   - options: The local address, the family, the socket options and the proxies.
    /// - Throws: ``SocketError``, whose ``SocketError/attempts`` lists every address that was
    ///   tried. If several attempts failed, the error has the cause of the most informative
    ///   failure. The causes are:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the endpoint is not a stream, if a proxy
    ///     cannot connect to it, or if the credentials for a proxy or a variable of
    ///     ``Proxy/fromEnvironment`` are malformed.
    ///   - ``SocketError/Cause/system(_:)`` with the kernel's error, for example
    ///     `connectionRefused`.
    ///   - ``SocketError/Cause/tls(_:)`` if the TLS handshake fails.
    ///   - ``SocketError/Cause/proxy(_:)`` if a proxy does not connect to its destination.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the connection was not established in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/selfConnect`` if the kernel connected the socket to itself.
    ///   - ``SocketError/Cause/nameResolution(_:)`` if the name has no address or could not be
    ///     looked up.
    ///   - ``SocketError/Cause/unknownService(_:transport:)`` if the services database does not
    ///     contain the port's name.
    ///   - ``SocketError/Cause/noServicesDatabase`` if the machine has no services database.
    public convenience init(
        to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), tls: TLSConfiguration? = nil,
        group: LoopGroup = .shared, options: ConnectOptions = ConnectOptions()
    ) async throws(SocketError) {
        try endpoint.require(.stream, for: .connect)
        let loop = group.next()
        var deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            let hops = try options.hops(to: endpoint)
            if hops.isEmpty {
                let addresses = try await Lookup.addresses(
                    of: endpoint, options.family, until: deadline, on: loop)
                try await self.init(toOneOf: addresses, options, deadline, on: loop)
            } else {
                try await self.init(through: hops, options, &deadline, on: loop)
            }
            if let tls { try await startTLS(tls, to: endpoint, &deadline) }
        } catch {
            throw error.connecting(to: endpoint)
        }
    }

    /// Creates a connection to an address; see
    /// ``init(to:timeout:tls:group:options:)-(Endpoint,_,_,_,_)``.
    ///
    /// - Parameters:
    ///   - address: The peer's address.
    ///   - timeout: The time limit for the attempt, the proxies and the TLS handshake together.
    ///   - tls: How to use TLS, or `nil` for a plain connection. The certificate must be for
    ///     ``TLSConfiguration/serverName``, or for the address if that property is `nil`.
    ///   - group: The loop group. The connection belongs to one of its loops.
    ///   - options: The local address, the socket options and the proxies.
    /// - Throws: The errors of ``init(to:timeout:tls:group:options:)-(Endpoint,_,_,_,_)``.
    public convenience init(
        to address: SocketAddress, timeout: TimeLimit = .seconds(10), tls: TLSConfiguration? = nil,
        group: LoopGroup = .shared, options: ConnectOptions = ConnectOptions()
    ) async throws(SocketError) {
        let loop = group.next()
        var deadline = Deadline(startingNow: timeout)
        let hops = try options.hops(to: address, .stream)
        do throws(SocketError) {
            if hops.isEmpty {
                try await self.init(toOneOf: [address], options, deadline, on: loop)
            } else {
                try await self.init(through: hops, options, &deadline, on: loop)
            }
            if let tls { try await startTLS(tls, to: Endpoint(address, .stream), &deadline) }
        } catch {
            // With a proxy, the remote address of the socket is the proxy's, not the peer's.
            throw hops.last.map { error.connecting(to: $0.destination) } ?? error
        }
    }

    /// Creates a connection to the address that answers first.
    convenience init(
        toOneOf addresses: [SocketAddress], _ options: ConnectOptions, _ deadline: Deadline,
        on loop: EventLoop
    ) async throws(SocketError) {
        var options = options
        if addresses.first?.family != .unix { options.socketOptions.insert(.noDelay, at: 0) }
        try loop.checkStarted()
        let attempts = try ConnectAttempts(to: addresses, .stream, options, deadline)
        let socket = try await attempts.connect(on: loop)
        let remote = socket.remoteAddress
        do throws(Errno) {
            try self.init(taking: socket, on: loop)
        } catch {
            throw SocketError(.connect, .system(error), remoteAddress: remote)
        }
    }
}
