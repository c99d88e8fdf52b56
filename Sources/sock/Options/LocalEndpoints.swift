import Sockets

/// The endpoints to listen on: one for each address of a host, all with the same port.
struct LocalEndpoints {
    private let endpoints: [Endpoint]

    init(_ endpoints: [Endpoint]) {
        self.endpoints = endpoints
    }

    /// Looks up the addresses of the endpoint's host name.
    ///
    /// If the host is an address, or if there is no host, the endpoint is used unchanged.
    ///
    /// - Throws: A `SocketError` if the name cannot be resolved.
    init(of endpoint: Endpoint, family: AddressFamily?) throws(SocketError) {
        guard let host = endpoint.host, let port = endpoint.port, !host.isEmpty,
            IPAddress(host) == nil
        else {
            endpoints = [endpoint]
            return
        }
        let addresses = try Resolver.resolve(endpoint, family: family, forBinding: true)
        endpoints = addresses.map { endpoint.with(host: $0.ipText, port: port) }
    }

    /// The first address that is a multicast group; nil if there is none.
    var group: MulticastGroup? {
        endpoints.lazy.compactMap { MulticastGroup($0, interface: nil) }.first
    }

    /// Calls `open` for each endpoint.
    ///
    /// If the port is 0, the kernel chooses a port for the first endpoint, and the other endpoints
    /// get the same port. Endpoints whose address this machine does not have are skipped, as long
    /// as one endpoint can be opened.
    ///
    /// - Parameters:
    ///   - port: A function that returns the port of a value that `open` returned.
    ///   - skipped: A function that is called with each skipped endpoint and the reason.
    ///   - open: A function that opens sockets on an endpoint.
    /// - Returns: The values that `open` returned.
    /// - Throws: An error from `open`, unless the endpoint is skipped or another port is tried.
    func open<Opened>(
        port: (Opened) -> UInt16?, skipped: (Endpoint, SocketError) -> Void = { _, _ in },
        _ open: (Endpoint) throws(SocketError) -> Opened
    ) throws(SocketError) -> [Opened] {
        // A port that the kernel chose for one address may be in use on another address, so try
        // again with another port.
        var attemptsLeft = endpoints.count > 1 && endpoints.first?.port?.number == 0 ? 16 : 1
        while true {
            do throws(SocketError) {
                let (opened, missing) = try openOnce(port: port, open)
                for (endpoint, error) in missing { skipped(endpoint, error) }
                return opened
            } catch {
                attemptsLeft -= 1
                if error.errno != .addressInUse || attemptsLeft == 0 { throw error }
            }
        }
    }

    private func openOnce<Opened>(
        port: (Opened) -> UInt16?, _ open: (Endpoint) throws(SocketError) -> Opened
    ) throws(SocketError) -> (opened: [Opened], missing: [(Endpoint, SocketError)]) {
        var opened: [Opened] = []
        var missing: [(Endpoint, SocketError)] = []
        for endpoint in endpoints {
            let chosen = opened.first.flatMap(port).map { Port($0) }
            do throws(SocketError) {
                opened.append(
                    try open(endpoint.with(host: endpoint.host ?? "", port: chosen)))
            } catch {
                guard error.isMissingAddress else { throw error }
                missing.append((endpoint, error))
            }
        }
        if opened.isEmpty, let (_, error) = missing.first { throw error }
        return (opened, missing)
    }
}

extension Endpoint {
    /// Returns an endpoint of the same transport with another host, and with another port unless it
    /// is nil.
    ///
    /// The endpoint of a Unix socket has no host and no port, so it is returned unchanged.
    fileprivate func with(host: String, port: Port?) -> Endpoint {
        guard let port = port ?? self.port else { return self }
        return transport == .udp ? .udp(host, port: port) : .tcp(host, port: port)
    }
}

extension SocketError {
    /// A Boolean value that indicates whether this machine does not have the address or its family.
    fileprivate var isMissingAddress: Bool {
        errno == .addressNotAvailable || errno == .addressFamilyNotSupported
    }
}
