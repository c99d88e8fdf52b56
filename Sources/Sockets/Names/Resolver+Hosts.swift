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
    /// - Parameters:
    ///   - name: A name, or a numeric address.
    ///   - family: IPv4 or IPv6.
    ///   - timeout: How long to wait for the answer.
    /// - Throws: ``SocketError/Cause/timedOut(limit:)`` where the limit ended,
    ///   ``SocketError/Cause/hostLookup(_:)`` where there is no such host, it has no
    ///   address of the family, or it could not be looked up;
    ///   ``SocketError/Cause/invalidInput(_:)`` for text that names no host and for the family
    ///   ``AddressFamily/unix``; otherwise what the system said.
    public static func host(
        named name: String, family: AddressFamily = .ipv4, timeout: TimeLimit = .never
    ) throws(SocketError) -> HostEntry {
        guard family != .unix else {
            throw SocketError(
                .lookUpHost,
                .invalidInput("a host has no Unix addresses: expected the family IPv4 or IPv6"),
                subject: TerminalText.quoted(name))
        }
        try HostName.check(name)
        if let literal = IPAddress(name) {
            guard literal.family == family else {
                throw SocketError(.lookUpHost, .hostLookup(.noData), subject: name)
            }
            return HostEntry(name: name, aliases: [], addresses: [literal])
        }
        let entry = try Lookup.answer(
            until: Deadline(startingNow: timeout),
            orThrow: { SocketError(.lookUpHost, $0, subject: name) },
            to: { () throws(HostCallFailure) in
                try System.gethostbyname2_r(name, domain: family.domain)
            })
        return HostEntry(entry)
    }

    /// Names of the host with this address.
    ///
    /// An IPv4-mapped address is looked up as the IPv4 address it carries, and a zone is left out
    /// of account. The corresponding C function is `gethostbyaddr_r`.
    ///
    /// - Parameters:
    ///   - address: The address, numeric as it is.
    ///   - timeout: How long to wait for the answer.
    /// - Throws: ``SocketError/Cause/timedOut(limit:)`` where the limit ended,
    ///   ``SocketError/Cause/hostLookup(_:)`` where the address has no name or could not be looked
    ///   up; otherwise what the system said.
    public static func host(
        at address: IPAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> HostEntry {
        let bytes: [UInt8] =
            switch address.unmapped {
            case .v4(let address):
                [address.octets.0, address.octets.1, address.octets.2, address.octets.3]
            case .v6(let address): address.bytes
            }
        let domain = address.unmapped.family.domain
        let entry = try Lookup.answer(
            until: Deadline(startingNow: timeout),
            orThrow: { SocketError(.lookUpHost, $0, subject: address.description) },
            to: { () throws(HostCallFailure) in
                try System.gethostbyaddr_r(bytes, domain: domain)
            })
        return HostEntry(entry)
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
