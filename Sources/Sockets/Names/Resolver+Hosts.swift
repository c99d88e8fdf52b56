// The older pair of calls, which tell a host's aliases and whose failures are a class of their
// own: Python's gethostbyname_ex and gethostbyaddr, with socket.herror.

extension Resolver {
    /// What the operating system knows about a host.
    public struct HostEntry: Hashable, Sendable {
        /// The official name.
        public let name: String
        /// Other names of the same host.
        public let aliases: [String]
        /// The addresses, in the order in which they came.
        public let addresses: [IPAddress]
    }

    /// Names and addresses of the host with this name, of one family.
    ///
    /// A numeric address is its own entry; nobody is asked. The corresponding C function is
    /// `gethostbyname2_r`.
    ///
    /// - Throws: ``SocketError/Cause/hostLookup(_:)`` where there is no such host, it has no
    ///   address of the family, or it could not be looked up;
    ///   ``SocketError/Cause/invalidInput(_:)`` for text that names no host and for the family
    ///   ``AddressFamily/unix``; otherwise what the system said.
    public static func host(
        named name: String, family: AddressFamily = .ipv4
    ) throws(SocketError) -> HostEntry {
        guard family != .unix else {
            throw SocketError(
                .lookUpHost,
                .invalidInput("a host has no Unix addresses: expected the family IPv4 or IPv6"),
                subject: TerminalText.quoted(name))
        }
        try check(name)
        if let literal = IPAddress(name) {
            guard literal.family == family else {
                throw SocketError(.lookUpHost, .hostLookup(.noData), subject: name)
            }
            return HostEntry(name: name, aliases: [], addresses: [literal])
        }
        do {
            return HostEntry(try System.gethostbyname2_r(name, domain: family.domain))
        } catch {
            throw SocketError(.lookUpHost, .init(error), subject: name)
        }
    }

    /// Names of the host with this address.
    ///
    /// An IPv4-mapped address is looked up as the IPv4 address it carries, and a zone is left out
    /// of account. The corresponding C function is `gethostbyaddr_r`.
    ///
    /// - Throws: ``SocketError/Cause/hostLookup(_:)`` where the address has no name or could not
    ///   be looked up; otherwise what the system said.
    public static func host(at address: IPAddress) throws(SocketError) -> HostEntry {
        let bytes: [UInt8] =
            switch address.unmapped {
            case .v4(let address):
                [address.octets.0, address.octets.1, address.octets.2, address.octets.3]
            case .v6(let address): address.bytes
            }
        do {
            return HostEntry(
                try System.gethostbyaddr_r(bytes, domain: address.unmapped.family.domain))
        } catch {
            throw SocketError(.lookUpHost, .init(error), subject: address.description)
        }
    }
}

extension Resolver.HostEntry {
    init(_ raw: RawHostEntry) {
        self.init(
            name: raw.name, aliases: raw.aliases,
            addresses: raw.addresses.compactMap { IPAddress(networkBytes: $0) })
    }
}

extension IPAddress {
    /// The address of four or sixteen bytes in network order; `nil` for any other number.
    fileprivate init?(networkBytes bytes: [UInt8]) {
        if bytes.count == 4 {
            self = .v4(IPv4Address(bytes[0], bytes[1], bytes[2], bytes[3]))
        } else if let address = IPv6Address(bytes: bytes) {
            self = .v6(address)
        } else {
            return nil
        }
    }
}

extension SocketError.Cause {
    /// A failure of `gethostbyname2_r` or `gethostbyaddr_r`.
    init(_ failure: HostCallFailure) {
        switch failure {
        case .hostNotFound: self = .hostLookup(.hostNotFound)
        case .tryAgain: self = .hostLookup(.tryAgain)
        case .noRecovery: self = .hostLookup(.noRecovery)
        case .noData: self = .hostLookup(.noData)
        case .system(let code): self = .system(code)
        }
    }
}
