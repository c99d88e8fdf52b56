internal import SystemPackage

// From an endpoint to a socket that is called: names resolved, bound, listening.
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
    /// - Throws: The errors of ``Resolver/resolve(_:family:numericOnly:passive:timeout:)``,
    ///   ``bind(on:)`` and ``listen(backlog:)``.
    public convenience init(
        on endpoint: Endpoint, timeout: TimeLimit = .never, options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        do throws(SocketError) {
            try options.checkUnsharded()
            let addresses = try Resolver.resolve(
                endpoint, family: options.family, passive: true,
                deadline: Deadline(startingNow: timeout))
            self.init(taking: try Socket.bound(toOneOf: addresses, of: endpoint, options))
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
        self.init(
            taking: try Socket.bound(to: address, type, isDualStack: false, options))
        if type != .datagram { try listen(backlog: options.backlog) }
    }

    /// The same when the addresses of the endpoint are known.
    static func bound(
        toOneOf addresses: [SocketAddress], of endpoint: Endpoint, _ options: ListenOptions
    ) throws(SocketError) -> Socket {
        let isWildcard = endpoint.host == "" && options.family == nil
        var failure: SocketError?
        for address in addresses {
            do throws(SocketError) {
                return try bound(
                    to: address, endpoint.transport.socketType, isDualStack: isWildcard, options)
            } catch {
                failure = failure ?? error
                // A machine without IPv6 refuses the family, or its wildcard address.
                let lacksIPv6 =
                    error.errno == .addressFamilyNotSupported
                    || error.errno == .addressNotAvailable
                guard !isWildcard || lacksIPv6 else { break }
            }
        }
        throw failure ?? SocketError(.bind, .system(.addressNotAvailable))
    }

    /// The same at one address that is known.
    static func bound(
        to address: SocketAddress, _ type: SocketType, isDualStack: Bool,
        _ options: ListenOptions
    ) throws(SocketError) -> Socket {
        let socket = try Socket(address.family ?? .unix, type)
        if socket.family == .ipv6 {
            try socket.setOption(.ipv6Only, to: !isDualStack)
        }
        if socket.family != .unix {
            if type == .stream { try socket.setOption(.reuseAddress, to: true) }
            if options.reusePort || options.sharded { try socket.setOption(.reusePort, to: true) }
        }
        if type == .datagram, address.isOneOfMany {
            // First: of a datagram that comes before it is asked for, nobody knows the address that
            // it came to, and the answer would leave from another.
            try socket.call(.bind) { descriptor throws(Errno) in
                try System.enablePacketInfo(descriptor, isIPv6: socket.family == .ipv6)
            }
        }
        try socket.set(options.socketOptions)
        do throws(SocketError) {
            try socket.bind(on: address)
        } catch {
            guard error.errno == .addressInUse, UnixSocketFile.removeStale(address, type: type)
            else {
                throw error
            }
            try socket.bind(on: address)
        }
        socket.names.withLock { $0.file = UnixSocketFile(boundTo: address) }
        return socket
    }
}

extension SocketAddress {
    /// Whether what comes here can have come to several addresses; who is bound to a group receives
    /// what is sent to it, but cannot send from it.
    var isOneOfMany: Bool { ip.map { $0.isUnspecified || $0.isMulticast } ?? false }
}
