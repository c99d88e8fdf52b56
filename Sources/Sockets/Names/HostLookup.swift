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

    /// The threads on which a lookup with a time limit runs.
    var threads = LookupThreads.shared

    /// A Boolean value that indicates whether the lookup may block in libc.
    var mayBlock: Bool { mayNeedNameServer || service.map { $0.number == nil } ?? false }

    /// A Boolean value that indicates whether the lookup may have to wait for a name server.
    private var mayNeedNameServer: Bool {
        !numericOnly && !host.isEmpty && IPAddress(host) == nil
            && HostName.problem(with: host) == nil && !HostName.isLocalhost(host)
    }

    /// The threads on which a task's lookup runs.
    var threadsForTask: LookupThreads { mayNeedNameServer ? threads : .services }

    /// Returns the addresses of the host, without a query if the host is empty, numeric or
    /// `localhost`.
    func resolution(until deadline: Deadline) throws(SocketError) -> Resolver.Resolution {
        guard family != .unix, transport?.isUnix != true else {
            throw SocketError(
                .resolve, .invalidInput("a host cannot have Unix addresses"),
                subject: TerminalText.quoted(host))
        }
        let port = try portNumber()
        if host.isEmpty { return ownAddresses(port) }
        let literal = IPAddress(host)
        let name = literal == nil ? try HostName.ascii(host) : host
        if let literal, family == nil || literal.family == family {
            return Resolver.Resolution(
                addresses: [SocketAddress(try withNamedZone(literal), port: port)],
                canonicalName: canonicalName ? literal.description : nil)
        }
        if !numericOnly, HostName.isLocalhost(name) {
            return Resolver.Resolution(
                addresses: loopbackAddresses(port), canonicalName: canonicalName ? name : nil)
        }
        // An address literal of the other family must not trigger a DNS query, so this lookup is
        // numeric-only.
        do throws(SocketError) {
            return try lookUp(
                name, numericOnly: numericOnly || literal != nil, port, until: deadline)
        } catch {
            throw literal.map { error.naming($0, wanted: family) } ?? error
        }
    }

    /// Returns the port's number, which requires a lookup if the port is a service's name.
    func portNumber() throws(SocketError) -> UInt16 {
        guard let port = try service?.checked() else { return 0 }
        if let number = port.number { return number }
        return try Services.port(named: port.service ?? "", transport: transport)
    }

    /// Returns the addresses for an empty host, in order of preference.
    private func ownAddresses(_ port: UInt16) -> Resolver.Resolution {
        let addresses =
            forBinding
            ? addresses([.v6(.any), .v4(.any)], port) : loopbackAddresses(port)
        return Resolver.Resolution(addresses: addresses, canonicalName: nil)
    }

    private func loopbackAddresses(_ port: UInt16) -> [SocketAddress] {
        addresses([.v6(.loopback), .v4(.loopback)], port)
    }

    /// Returns the addresses that have the requested family, with the port.
    private func addresses(_ both: [IPAddress], _ port: UInt16) -> [SocketAddress] {
        both.filter { family == nil || $0.family == family }.map { SocketAddress($0, port: port) }
    }

    /// Returns the address with the name of the interface as its zone.
    ///
    /// - Throws: ``SocketError/Cause/system(_:)`` with `ENODEV` if there is no such interface.
    private func withNamedZone(_ address: IPAddress) throws(SocketError) -> IPAddress {
        guard case .v6(var inner) = address, inner.zone != nil else { return address }
        do { inner.zone = IPv6Address.zone(of: try inner.scope()) } catch {
            throw SocketError(.resolve, .system(error), subject: address.description)
        }
        return .v6(inner)
    }

    private func lookUp(
        _ name: String, numericOnly: Bool, _ port: UInt16, until deadline: Deadline
    ) throws(SocketError) -> Resolver.Resolution {
        let asciiName = name == host ? nil : name
        // Use no time limit for a numeric-only lookup, because libc answers it at once.
        let deadline = numericOnly ? .unlimited : deadline
        let info = try Lookup.result(
            until: deadline, on: threads,
            orThrow: { cause in
                let shown = TerminalText.escaped(host) + (asciiName.map { " (\($0))" } ?? "")
                return SocketError(.resolve, cause, subject: shown)
            },
            of: { [family, canonicalName] () throws(AddressInfoFailure) in
                try System.getaddrinfo(
                    name, family: family, numericOnly: numericOnly, canonicalName: canonicalName)
            })
        var seen: Set<SocketAddress> = []
        let addresses = info.addresses.map { SocketAddress($0).with(port: port) }
            .filter { $0.ip != nil && seen.insert($0).inserted }
        return Resolver.Resolution(
            addresses: addresses, canonicalName: info.canonicalName, asciiName: asciiName)
    }
}

extension SocketError {
    /// Returns the error for an address literal whose family is not `wanted`.
    ///
    /// The error's text names both families.
    fileprivate func naming(_ literal: IPAddress, wanted: AddressFamily?) -> SocketError {
        guard case .nameResolution(let failure) = cause, let wanted else { return self }
        let reason = NameResolutionFailure(
            code: failure.code, message: "the address is \(literal.family): expected \(wanted)",
            isNotFound: failure.isNotFound, isTemporary: failure.isTemporary)
        return SocketError(.resolve, .nameResolution(reason), subject: literal.description)
    }
}

extension Endpoint {
    /// A Boolean value that indicates whether resolving the endpoint may have to wait for libc.
    var mayBlock: Bool { hostLookup?.mayBlock ?? false }

    /// The threads on which a task's lookup of the endpoint runs.
    var lookupThreads: LookupThreads { hostLookup?.threadsForTask ?? .services }

    private var hostLookup: HostLookup? { host.map { HostLookup(host: $0, service: port) } }
}
