import Sockets

/// Connects as the flags of the command line say: `-4 -6 -n -s -p -w`.
struct Dialer {
    var family: AddressFamily?
    var isNumeric = false
    var source: IPAddress?
    var port: UInt16?
    var limit: Duration?

    private var timeout: TimeLimit { limit.map { TimeLimit($0) } ?? .seconds(10) }

    /// Connects to a peer for a stream; the addresses of a name are raced.
    func connect(to endpoint: Endpoint) throws -> Socket {
        if endpoint.transport.isUnix {
            return try Socket(to: endpoint, timeout: timeout)
        }
        if isNumeric {
            // Fails for a name; an address resolves to itself, and asks nobody.
            _ = try Resolver.resolve(endpoint, family: family, numericOnly: true)
        }
        if let source {
            let own = SocketAddress(source, port: port ?? 0)
            return try Socket(
                to: endpoint, timeout: timeout,
                options: .init(localAddress: own, family: own.family))
        }
        guard let port else {
            return try Socket(
                to: endpoint, timeout: timeout, options: .init(family: family))
        }
        return try connect(to: endpoint, fromPort: port)
    }

    /// A line to a peer for datagrams.
    func line(to endpoint: Endpoint) throws -> DatagramLine {
        let wanted = source.map { SocketAddress($0, port: 0).family } ?? family
        let addresses = try Resolver.resolve(endpoint, family: wanted, numericOnly: isNumeric)
        return try DatagramLine(addresses) { address in
            try Socket(
                to: address, type: .datagram, timeout: timeout,
                options: .init(localAddress: try ownAddress(for: address)))
        }
    }

    /// Where a datagram comes from: as the flags say, and otherwise as the kernel likes.
    private func ownAddress(for address: SocketAddress) throws(Failure) -> SocketAddress? {
        switch (address.ip, source, port) {
        case (nil, _, _): return try ownName()
        case (_, let source?, let port): return SocketAddress(source, port: port ?? 0)
        case (.v4?, nil, let port?): return .ipv4(.any, port: port)
        case (.v6?, nil, let port?): return .ipv6(.any, port: port)
        case (_, nil, nil): return nil
        }
    }

    /// Who sends Unix datagrams has no name to be answered by, unless he takes one.
    private func ownName() throws(Failure) -> SocketAddress {
        let number = String(UInt64.random(in: .min ... .max), radix: 36)
        guard let name = UnixAddress(abstract: "sock-\(number)") else {
            throw Failure(.otherFailure, "cannot make up a name for this socket")
        }
        return .unix(name)
    }

    /// A port without an address is one of any family, and each family has to be tried for itself.
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
                let own = SocketAddress(any, port: port)
                return try Socket(
                    to: endpoint, timeout: timeout,
                    options: .init(localAddress: own, family: family))
            } catch {
                failure = error
            }
        }
        throw failure ?? SocketError(.connect, .system(.addressNotAvailable), endpoint: endpoint)
    }
}
