// The older pair of lookup functions, which also return a host's aliases and have their own error
// codes. In Python, these are gethostbyname_ex and gethostbyaddr, with socket.herror.

extension Resolver {
    /// The names and addresses of a host.
    public struct HostEntry: Hashable, Sendable {
        /// The official name.
        public let name: String
        /// Other names of the same host.
        public let aliases: [String]
        /// The addresses, in the order of the answer.
        public let addresses: [IPAddress]
    }

    /// Looks up a host by name and returns its names and its addresses of one family.
    ///
    /// A numeric address is returned without a query, and `localhost` is this machine. The call
    /// blocks the thread during the lookup; in a task, call the `async` overload. The corresponding
    /// C function is `gethostbyname2_r`.
    ///
    /// - Parameters:
    ///   - name: A name, or a numeric address.
    ///   - family: IPv4 or IPv6.
    ///   - timeout: How long to wait for the answer. At the limit, the lookup is abandoned.
    /// - Returns: The host's names and addresses.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `name` cannot be a host, or if `family` is
    ///     ``AddressFamily/unix``.
    ///   - ``SocketError/Cause/hostLookup(_:)`` if the host does not exist, has no address of the
    ///     family, or could not be looked up.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the lookup did not end in time.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func host(
        named name: String, family: AddressFamily = .ipv4, timeout: TimeLimit = .never
    ) throws(SocketError) -> HostEntry {
        guard family != .unix else {
            throw SocketError(
                .lookUpHost, .invalidInput("a host cannot have Unix addresses"),
                subject: TerminalText.quoted(name))
        }
        let ascii = try HostName.ascii(name)
        if let literal = IPAddress(ascii) {
            guard literal.family == family else {
                throw SocketError(.lookUpHost, .hostLookup(.noData), subject: name)
            }
            return HostEntry(name: name, aliases: [], addresses: [literal])
        }
        if HostName.isLocalhost(ascii) {
            return HostEntry(
                name: name, aliases: [],
                addresses: [family == .ipv6 ? .v6(.loopback) : .v4(.loopback)])
        }
        let shown = TerminalText.escaped(name) + (ascii == name ? "" : " (\(ascii))")
        let entry = try Lookup.result(
            until: Deadline(startingNow: timeout),
            orThrow: { SocketError(.lookUpHost, $0, subject: shown) },
            of: { () throws(HostCallFailure) in
                HostName.hasOnlyDigits(ascii)
                    ? try System.hostEntry(ofDigits: ascii, family: family)
                    : try System.gethostbyname2_r(ascii, family: family)
            })
        return HostEntry(entry)
    }

    /// Looks up a host by address and returns its names.
    ///
    /// An IPv4-mapped address is looked up as the IPv4 address inside it, and a zone is ignored.
    /// The call blocks the thread during the lookup; in a task, call the `async` overload. The
    /// corresponding C function is `gethostbyaddr_r`.
    ///
    /// - Parameters:
    ///   - address: The numeric address.
    ///   - timeout: How long to wait for the answer. At the limit, the lookup is abandoned.
    /// - Returns: The host's names and addresses.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/hostLookup(_:)`` if the address has no name or could not be looked
    ///     up.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the lookup did not end in time.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func host(
        at address: IPAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> HostEntry {
        let family = address.unmapped.family
        let bytes: [UInt8] =
            switch address.unmapped {
            case .v4(let address):
                [address.octets.0, address.octets.1, address.octets.2, address.octets.3]
            case .v6(let address): address.bytes
            }
        let entry = try Lookup.result(
            until: Deadline(startingNow: timeout),
            orThrow: { SocketError(.lookUpHost, $0, subject: address.description) },
            of: { () throws(HostCallFailure) in
                try System.gethostbyaddr_r(bytes, family: family)
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
    /// Creates an address from 4 or 16 bytes in network order; `nil` for any other number of bytes.
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
