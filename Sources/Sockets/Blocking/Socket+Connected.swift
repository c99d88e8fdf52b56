internal import SystemPackage

// Initializers that connect.
extension Socket {
    /// Creates a socket that is connected to an endpoint.
    ///
    /// ```swift
    /// let socket = try Socket(to: .tcp("www.example.com", port: "http"))
    /// ```
    ///
    /// The initializer resolves the name and tries the addresses as RFC 8305 specifies. IPv6 and
    /// IPv4 addresses alternate, and the next attempt starts when the previous attempt has failed
    /// or has had no answer for 250 ms. The socket uses the first connection that is established,
    /// and the other attempts are closed. A UDP socket connects at once to the first address that
    /// the kernel accepts, because connecting sends nothing and cannot find out whether a server is
    /// there. If the server uses only another address of the name, such as the IPv4 address of
    /// `localhost`, a later call throws `connectionRefused`. To connect to that address, set
    /// ``ConnectOptions/family``. The call blocks the thread; the async counterpart is
    /// ``Connection/init(to:timeout:tls:group:options:)-(Endpoint,_,_,_,_)``.
    ///
    /// - Parameters:
    ///   - endpoint: The peer's endpoint, whose transport determines the socket's type.
    ///   - timeout: The time limit for the name lookup, all attempts, the proxies and the TLS
    ///     handshake together.
    ///   - tls: How to use TLS, such as `.client()`, or `nil` for a plain connection. The
    ///     certificate must be for ``TLSConfiguration/serverName``, or for the endpoint's host if
    ///     that property is `nil`. A Unix endpoint has no host, so it requires the property.
    ///   - options: The local address, the family, the socket options and the proxies.
    /// - Throws: One of these errors. ``SocketError/attempts`` lists every attempt, and
    ///   ``SocketError/cause`` is the most informative of their causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if a proxy cannot connect to the endpoint, or if
    ///     the credentials for a proxy or a variable of ``Proxy/fromEnvironment`` are malformed.
    ///   - ``SocketError/Cause/proxy(_:)`` if a proxy does not connect to its destination.
    ///   - ``SocketError/Cause/tls(_:)`` if the TLS handshake fails.
    ///   - The errors of ``Resolver/resolve(_:family:numericOnly:forBinding:timeout:)-9fwuv`` and
    ///     ``connect(to:timeout:)``.
    public convenience init(
        to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), tls: TLSConfiguration? = nil,
        options: ConnectOptions = ConnectOptions()
    ) throws(SocketError) {
        let deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            let hops = try options.hops(to: endpoint)
            if hops.isEmpty {
                let addresses = try Resolver.resolve(
                    endpoint, family: options.family, deadline: deadline)
                try self.init(toOneOf: addresses, endpoint.transport.socketType, options, deadline)
            } else {
                try self.init(through: hops, options, deadline)
            }
            if let tls {
                try startTLS(tls, to: endpoint, received: [], deadline, isFirst: false)
            }
        } catch {
            throw error.connecting(to: endpoint)
        }
    }

    /// Creates a socket that is connected to an address; see ``init(to:timeout:tls:options:)``.
    ///
    /// - Parameters:
    ///   - address: The peer's address.
    ///   - type: The socket's type, which an address does not specify.
    ///   - timeout: The time limit for the attempt, the proxies and the TLS handshake together.
    ///   - tls: How to use TLS, or `nil` for a plain connection. The certificate must be for
    ///     ``TLSConfiguration/serverName``, or for the address if that property is `nil`.
    ///   - options: The local address, the socket options and the proxies.
    /// - Throws: The errors of ``connect(to:timeout:)``, ``SocketError/Cause/proxy(_:)`` if a proxy
    ///   does not connect to its destination, and ``SocketError/Cause/tls(_:)`` if the TLS
    ///   handshake fails.
    public convenience init(
        to address: SocketAddress, type: SocketType = .stream, timeout: TimeLimit = .seconds(10),
        tls: TLSConfiguration? = nil, options: ConnectOptions = ConnectOptions()
    ) throws(SocketError) {
        let deadline = Deadline(startingNow: timeout)
        let hops = try options.hops(to: address, type)
        do throws(SocketError) {
            if hops.isEmpty {
                try self.init(toOneOf: [address], type, options, deadline)
            } else {
                try self.init(through: hops, options, deadline)
            }
            if let tls {
                let endpoint = Endpoint(address, type)
                try startTLS(tls, to: endpoint, received: [], deadline, isFirst: false)
            }
        } catch {
            // With a proxy, the remote address of the socket is the proxy's, not the peer's.
            throw hops.last.map { error.connecting(to: $0.destination) } ?? error
        }
    }

    /// Creates a socket that is connected to the address that answers first.
    convenience init(
        toOneOf addresses: [SocketAddress], _ type: SocketType, _ options: ConnectOptions,
        _ deadline: Deadline
    ) throws(SocketError) {
        guard let first = addresses.first, first.family != .unix else {
            // Connect with a call that waits in the kernel, because the kernel does not report when
            // a full Unix backlog has space.
            let address = addresses.first ?? .unnamed
            self.init(taking: try OwnedSocket.unconnected(for: address, type, options))
            try connect(to: address, deadline)
            return
        }
        self.init(
            taking: try Self.connected(try ConnectAttempts(to: addresses, type, options, deadline)))
    }

    /// Waits for the attempts with poll(2).
    ///
    /// Returns a connected, blocking socket.
    private static func connected(
        _ attempts: consuming ConnectAttempts
    ) throws(SocketError) -> OwnedSocket {
        while true {
            switch try attempts.advance() {
            case .connected(let socket):
                try socket.call(.connect) { descriptor throws(Errno) in
                    try System.setBlocking(descriptor, true)
                }
                return socket
            case .wait(let duration):
                var requests = attempts.descriptors.map {
                    PollRequest(descriptor: $0, isForWriting: true)
                }
                do throws(Errno) {
                    try System.poll(&requests, milliseconds: duration?.millisecondsRoundedUp ?? -1)
                } catch {
                    throw SocketError(.connect, .system(error))
                }
                if requests.contains(where: \.isReady) { _ = attempts.check() }
            }
        }
    }
}
