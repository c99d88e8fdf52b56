internal import SystemPackage

// From an endpoint to a socket that is called: names resolved, bound, listening.
extension Socket {
    /// A socket that waits for callers at an endpoint, ready for `accept`.
    ///
    /// ```swift
    /// let server = try Socket.listening(on: .tcp(port: 51423))
    /// ```
    ///
    /// An endpoint without a host means every interface, IPv4 and IPv6 with one socket; where there
    /// is no IPv6, IPv4 alone. With `SO_REUSEADDR`, so that a server can be started again at once.
    /// Port 0 lets the kernel choose: see `localAddress`. For a Unix path, a file that a dead
    /// server left is replaced, one of a living server is `.addressInUse`, and any other file is
    /// left alone; `close` removes the file.
    ///
    /// - Parameters:
    ///   - endpoint: of the transport TCP, Unix or Unix sequenced packet.
    ///   - family: `.ipv4` or `.ipv6` alone, instead of both.
    ///   - backlog: see `listen(backlog:)`.
    ///   - reusePort: several processes may listen on the same port (`SO_REUSEPORT`).
    /// - Throws: as `Resolver.resolve`, `bind` and `listen`; `.invalidInput` for UDP endpoints.
    public static func listening(
        on endpoint: Endpoint, family: AddressFamily? = nil, backlog: Int = Socket.maximumBacklog,
        reusePort: Bool = false
    ) throws(SocketError) -> Socket {
        guard endpoint.transport.socketType != .datagram else {
            throw SocketError(
                .listen,
                .invalidInput(
                    "datagrams have no callers to accept: expected a stream, or Socket.bound(to:)"),
                endpoint: endpoint)
        }
        do throws(SocketError) {
            let socket = try bound(to: endpoint, family: family, reusePort: reusePort)
            try socket.listen(backlog: backlog)
            return socket
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// A socket that waits for callers at an address that is known; see `listening(on: Endpoint, …)`.
    ///
    /// An IPv6 address serves IPv6 alone, the wildcard as well.
    ///
    /// - Throws: as `bind` and `listen`.
    public static func listening(
        on address: SocketAddress, backlog: Int = Socket.maximumBacklog, reusePort: Bool = false
    ) throws(SocketError) -> Socket {
        let socket = try bound(to: address, .stream, isDualStack: false, reusePort: reusePort)
        try socket.listen(backlog: backlog)
        return socket
    }

    /// A socket that is bound to an endpoint: for a server of datagrams, ready for `receiveFrom`.
    ///
    /// ```swift
    /// let server = try Socket.bound(to: .udp(port: 51423))
    /// ```
    ///
    /// As `listening(on:)`, which is this and `listen`.
    ///
    /// - Throws: as `Resolver.resolve` and `bind`.
    public static func bound(
        to endpoint: Endpoint, family: AddressFamily? = nil, reusePort: Bool = false
    ) throws(SocketError) -> Socket {
        do throws(SocketError) {
            let addresses = try Resolver.resolve(endpoint, family: family, passive: true)
            return try bound(toOneOf: addresses, of: endpoint, family, reusePort: reusePort)
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// The same when the addresses of the endpoint are known.
    static func bound(
        toOneOf addresses: [SocketAddress], of endpoint: Endpoint, _ family: AddressFamily?,
        reusePort: Bool
    ) throws(SocketError) -> Socket {
        let isWildcard = endpoint.host == "" && family == nil
        var failure: SocketError?
        for address in addresses {
            do throws(SocketError) {
                return try bound(
                    to: address, endpoint.transport.socketType, isDualStack: isWildcard,
                    reusePort: reusePort)
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
        to address: SocketAddress, _ type: SocketType, isDualStack: Bool, reusePort: Bool
    ) throws(SocketError) -> Socket {
        let socket = try Socket(address.family ?? .unix, type)
        if socket.family == .ipv6 {
            try socket.setOption(.ipv6Only, to: !isDualStack)
        }
        if socket.family != .unix {
            if type == .stream { try socket.setOption(.reuseAddress, to: true) }
            if reusePort { try socket.setOption(.reusePort, to: true) }
        }
        if type == .datagram, address.isOneOfMany {
            // First: of a datagram that comes before it is asked for, nobody knows the address that
            // it came to, and the answer would leave from another.
            try socket.call(.bind) { descriptor throws(Errno) in
                try System.enablePacketInfo(descriptor, isIPv6: socket.family == .ipv6)
            }
        }
        do throws(SocketError) {
            try socket.bind(to: address)
        } catch {
            guard error.errno == .addressInUse, UnixSocketFile.removeStale(address, type: type)
            else {
                throw error
            }
            try socket.bind(to: address)
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
