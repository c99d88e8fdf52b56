import Sockets

/// A connector that applies the flags `-4 -6 -n -s -p -w`.
struct Connector {
    var family: AddressFamily?
    var isNumeric = false
    var source: IPAddress?
    var port: UInt16?
    var limit: Duration?

    private var timeout: TimeLimit { limit.map { TimeLimit($0) } ?? .seconds(10) }

    /// Connects a stream socket, and tries the addresses of a name concurrently.
    func connect(to endpoint: Endpoint) throws -> Socket {
        if endpoint.transport.isUnix {
            return try Socket(to: endpoint, timeout: timeout)
        }
        if isNumeric {
            // With -n, host names are rejected. This call only checks: it throws for a name, and
            // returns an address unchanged.
            _ = try Resolver.resolve(endpoint, family: family, numericOnly: true)
        }
        if let source {
            let local = SocketAddress(source, port: port ?? 0)
            return try Socket(
                to: endpoint, timeout: timeout,
                options: .init(localAddress: local, family: local.family))
        }
        guard let port else {
            return try Socket(to: endpoint, timeout: timeout, options: .init(family: family))
        }
        return try connect(to: endpoint, fromPort: port)
    }

    /// Connects a datagram socket.
    func connectDatagrams(to endpoint: Endpoint) throws -> FailoverSocket {
        let family = source.map { SocketAddress($0, port: 0).family } ?? family
        let addresses = try Resolver.resolve(endpoint, family: family, numericOnly: isNumeric)
        return try FailoverSocket(addresses) { address in
            try Socket(
                to: address, type: .datagram, timeout: timeout,
                options: .init(localAddress: try localAddress(for: address)))
        }
    }

    /// Returns the address from which to send datagrams, or nil to let the kernel choose.
    private func localAddress(for address: SocketAddress) throws(Failure) -> SocketAddress? {
        switch (address.ip, source, port) {
        case (nil, _, _): return try randomName()
        case (_, let source?, let port): return SocketAddress(source, port: port ?? 0)
        case (.v4?, nil, let port?): return .ipv4(.any, port: port)
        case (.v6?, nil, let port?): return .ipv6(.any, port: port)
        case (_, nil, nil): return nil
        }
    }

    /// Returns a name for a Unix datagram socket, which could not receive replies without a name.
    private func randomName() throws(Failure) -> SocketAddress {
        let number = String(UInt64.random(in: .min ... .max), radix: 36)
        guard let name = UnixAddress(abstract: "sock-\(number)") else {
            throw Failure(.otherFailure, "cannot create a name for this socket")
        }
        return .unix(name)
    }

    /// Connects from a local port, and tries one family after the other.
    ///
    /// A local port without an address does not select a family, so each attempt binds to the
    /// wildcard address of its family.
    private func connect(to endpoint: Endpoint, fromPort port: UInt16) throws -> Socket {
        let addresses = try Resolver.resolve(endpoint, family: family, timeout: timeout)
        var families: [AddressFamily] = []
        for case let family? in addresses.map(\.family) where !families.contains(family) {
            families.append(family)
        }
        var failure: SocketError?
        for family in families {
            let any: IPAddress = family == .ipv6 ? .v6(.any) : .v4(.any)
            do throws(SocketError) {
                let local = SocketAddress(any, port: port)
                return try Socket(
                    to: endpoint, timeout: timeout,
                    options: .init(localAddress: local, family: family))
            } catch {
                failure = error
            }
        }
        throw failure ?? SocketError(.connect, .system(.addressNotAvailable), endpoint: endpoint)
    }
}

extension Connector {
    init(_ arguments: Arguments, to endpoint: Endpoint) throws(UsageError) {
        if endpoint.transport.isUnix, arguments.has(.port) || arguments.has(.source) {
            throw UsageError(
                "-p and -s need TCP or UDP; a Unix socket has neither a port nor an IP address")
        }
        family = try arguments.family()
        isNumeric = arguments.has(.numeric)
        source = try arguments[.source].map { text throws(UsageError) in
            guard let address = IPAddress(text) else {
                throw UsageError("-s needs an IP address, not \(TerminalText.quoted(text))")
            }
            return address
        }
        port = try arguments[.port].map { text throws(UsageError) in
            guard let number = try Target.port(text).number else {
                throw UsageError(
                    "-p needs a number from 0 to 65535, not \(TerminalText.quoted(text))")
            }
            return number
        }
        limit = try arguments.timeout()
    }
}
