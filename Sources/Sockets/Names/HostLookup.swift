internal import SystemPackage

/// Everything that is asked of a host: which addresses, with which port.
struct HostLookup {
    var host: String
    var service: Port?
    var family: AddressFamily?
    var transport: Transport?
    var numericOnly = false
    var canonicalName = false
    var passive = false

    /// The answer, which libc is asked for only when the host is neither empty nor numeric.
    func answer(until deadline: Deadline) throws(SocketError) -> Resolver.Resolution {
        guard family != .unix, transport?.isUnix != true else {
            throw SocketError(
                .resolve,
                .invalidInput("a host has no Unix addresses: expected the family IPv4 or IPv6"),
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
        // An address of the other family asks no name server either.
        return try lookUp(numericOnly: numericOnly || literal != nil, port, until: deadline)
    }

    private func portNumber() throws(SocketError) -> UInt16 {
        guard let port = try service?.checked() else { return 0 }
        if let number = port.number { return number }
        let name: Transport? =
            switch transport {
            case .tcp: .tcp
            case .udp: .udp
            default: nil
            }
        return try Services.port(named: port.service ?? "", transport: name)
    }

    /// What no host means, in the order of preference.
    private func ownAddresses(_ port: UInt16) -> Resolver.Resolution {
        let both: [IPAddress] =
            passive ? [.v6(.any), .v4(.any)] : [.v6(.loopback), .v4(.loopback)]
        let wanted = both.filter { family == nil || $0.family == family }
        return Resolver.Resolution(
            addresses: wanted.map { SocketAddress($0, port: port) }, canonicalName: nil)
    }

    private func checkZone(of address: IPAddress) throws(SocketError) {
        guard case .v6(let inner) = address else { return }
        do { _ = try inner.scope } catch {
            throw SocketError(.resolve, .system(error), subject: address.description)
        }
    }

    private func lookUp(
        numericOnly: Bool, _ port: UInt16, until deadline: Deadline
    ) throws(SocketError) -> Resolver.Resolution {
        let info = try Lookup.answer(
            until: deadline, orThrow: { SocketError(.resolve, $0, subject: host) },
            to: { [host, family, canonicalName] () throws(AddressInfoFailure) in
                try System.getaddrinfo(
                    host, domain: family?.domain, numericOnly: numericOnly,
                    canonicalName: canonicalName)
            })
        var seen: Set<SocketAddress> = []
        let addresses = info.addresses.map { SocketAddress($0).with(port: port) }
            .filter { $0.ip != nil && seen.insert($0).inserted }
        return Resolver.Resolution(addresses: addresses, canonicalName: info.canonicalName)
    }
}
