internal import SystemPackage

/// The parameters of a host lookup: the host, the service, and options for the result.
struct HostLookup {
    var host: String
    var service: Port?
    var family: AddressFamily?
    var transport: Transport?
    var numericOnly = false
    var canonicalName = false
    var forBinding = false

    /// A Boolean value that indicates whether the lookup may block in libc.
    var mayBlock: Bool {
        if let service, service.number == nil { return true }
        return !host.isEmpty && IPAddress(host) == nil
    }

    /// Returns the addresses of the host, without a query if the host is empty or numeric.
    func resolution(until deadline: Deadline) throws(SocketError) -> Resolver.Resolution {
        guard family != .unix, transport?.isUnix != true else {
            throw SocketError(
                .resolve, .invalidInput("a host cannot have Unix addresses"),
                subject: TerminalText.quoted(host))
        }
        let port = try portNumber()
        if host.isEmpty { return ownAddresses(port) }
        try HostName.check(host)
        let literal = IPAddress(host)
        if let literal, family == nil || literal.family == family {
            try checkZone(of: literal)
            return Resolver.Resolution(
                addresses: [SocketAddress(literal, port: port)],
                canonicalName: canonicalName ? literal.description : nil)
        }
        // An address literal of the other family must not trigger a DNS query, so this lookup is
        // numeric-only.
        return try lookUp(numericOnly: numericOnly || literal != nil, port, until: deadline)
    }

    private func portNumber() throws(SocketError) -> UInt16 {
        guard let port = try service?.checked() else { return 0 }
        if let number = port.number { return number }
        return try Services.port(named: port.service ?? "", transport: transport)
    }

    /// Returns the addresses for an empty host, in order of preference.
    private func ownAddresses(_ port: UInt16) -> Resolver.Resolution {
        let both: [IPAddress] =
            forBinding ? [.v6(.any), .v4(.any)] : [.v6(.loopback), .v4(.loopback)]
        let addresses = both.filter { family == nil || $0.family == family }
        return Resolver.Resolution(
            addresses: addresses.map { SocketAddress($0, port: port) }, canonicalName: nil)
    }

    private func checkZone(of address: IPAddress) throws(SocketError) {
        guard case .v6(let inner) = address else { return }
        do { _ = try inner.scope } catch {
            throw SocketError(.resolve, .system(error), subject: address.description)
        }
    }

    /// The host, without the dot of an absolute name if it is `localhost` (RFC 6761), because
    /// /etc/hosts has that name without the dot.
    private var hostWithoutRoot: String {
        host.lowercased() == "localhost." ? String(host.dropLast()) : host
    }

    private func lookUp(
        numericOnly: Bool, _ port: UInt16, until deadline: Deadline
    ) throws(SocketError) -> Resolver.Resolution {
        let info = try Lookup.result(
            until: deadline, orThrow: { SocketError(.resolve, $0, subject: host) },
            of: { [host = hostWithoutRoot, family, canonicalName] () throws(AddressInfoFailure) in
                try System.getaddrinfo(
                    host, family: family, numericOnly: numericOnly, canonicalName: canonicalName)
            })
        var seen: Set<SocketAddress> = []
        let addresses = info.addresses.map { SocketAddress($0).with(port: port) }
            .filter { $0.ip != nil && seen.insert($0).inserted }
        return Resolver.Resolution(addresses: addresses, canonicalName: info.canonicalName)
    }
}

extension Endpoint {
    /// A Boolean value that indicates whether resolving the endpoint may have to wait for libc.
    var mayBlock: Bool { host.map { HostLookup(host: $0, service: port).mayBlock } ?? false }
}
