/// One step of a connect through proxies: a proxy, and the endpoint to which it connects.
struct ProxyHop: Hashable, Sendable {
    let server: ProxyServer
    let destination: Endpoint

    /// A Boolean value that indicates whether the destination's name is resolved on this machine.
    var mayNeedNameServer: Bool {
        !server.resolvesNames && destination.host.map { IPAddress($0) == nil } ?? false
    }

    /// A Boolean value that indicates whether `dialogue` may block its thread.
    ///
    /// That function blocks if it resolves a name, looks up a service, or loads the library for
    /// international names.
    var mayBlock: Bool {
        mayNeedNameServer || destination.port?.number == nil
            || destination.host?.utf8.contains { $0 >= 0x80 } == true
    }

    /// Prepares the dialogue with the proxy.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the proxy cannot reach the destination,
    ///   or if the credentials are malformed. Also throws the errors of the lookup of the port and,
    ///   for SOCKS4, of the lookup of the name.
    func dialogue(until deadline: Deadline) throws(SocketError) -> ProxyDialogue {
        if let problem = server.problem { throw failure(.invalidInput(problem)) }
        return ProxyDialogue(self, to: try target(until: deadline))
    }

    /// Returns the error of this step.
    func failure(_ cause: SocketError.Cause) -> SocketError {
        SocketError(
            .connect, cause, endpoint: destination,
            proxyStep: SocketError.ProxyStep(proxy: "\(server)", destination: destination))
    }

    private func target(until deadline: Deadline) throws(SocketError) -> ProxyTarget {
        guard let host = destination.host, !host.isEmpty else {
            throw failure(.invalidInput("an endpoint without a host is on this machine"))
        }
        let port = try HostLookup(
            host: host, service: destination.port, transport: destination.transport
        ).portNumber()
        guard let literal = IPAddress(host)?.unmapped else {
            guard !server.resolvesNames else {
                return ProxyTarget(host: .name(try HostName.ascii(host)), port: port)
            }
            return try resolvedTarget(until: deadline)
        }
        switch literal {
        case .v4(let address):
            // SOCKS4a announces a name with such an address, so the proxy would wait for a name.
            guard !server.isSOCKS4 || !(1...255).contains(address.bits) else {
                throw failure(.invalidInput("SOCKS4 cannot connect to 0.0.0.1 to 0.0.0.255"))
            }
        case .v6(let address):
            guard address.zone == nil else {
                throw failure(.invalidInput("the zone of an address is known only on this machine"))
            }
            guard !server.isSOCKS4 else {
                throw failure(.invalidInput("SOCKS4 can connect only to IPv4 addresses"))
            }
        }
        return ProxyTarget(host: .address(literal), port: port)
    }

    /// Resolves the name of the destination on this machine, for a proxy that cannot resolve names.
    private func resolvedTarget(until deadline: Deadline) throws(SocketError) -> ProxyTarget {
        let addresses = try Resolver.resolve(destination, family: .ipv4, deadline: deadline)
        guard let ip = addresses.first?.ip, let port = addresses.first?.port else {
            preconditionFailure("a lookup without a result")
        }
        return ProxyTarget(host: .address(ip), port: port)
    }
}

extension [ProxyHop] {
    /// Prepares the dialogues with the proxies.
    ///
    /// - Throws: The errors of ``ProxyHop/dialogue(until:)``.
    func dialogues(until deadline: Deadline) throws(SocketError) -> [ProxyDialogue] {
        try map { hop throws(SocketError) in try hop.dialogue(until: deadline) }
    }
}
