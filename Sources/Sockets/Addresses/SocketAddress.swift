/// A resolved address, such as the local address of a socket or its peer's address.
///
/// An ``Endpoint`` is a destination that is not yet resolved. The corresponding C type is `struct
/// sockaddr`. An address is encoded as its text (`Codable`), such as `127.0.0.1:80` or
/// `/run/app.sock`; see ``IPv6Address`` for the encoding of zones.
@nonexhaustive public enum SocketAddress: Hashable, Sendable {
    /// An IPv4 address and a port: `127.0.0.1:80`.
    case ipv4(IPv4Address, port: UInt16)
    /// An IPv6 address and a port: `[::1]:80`.
    case ipv6(IPv6Address, port: UInt16)
    /// The name of a socket on this machine: `/run/app.sock`.
    case unix(UnixAddress)
    /// No address, because the socket is not bound or is a Unix socket without a name.
    case unnamed

    /// Creates an address from an IP address and a port.
    ///
    /// - Parameters:
    ///   - ip: The IP address.
    ///   - port: The port's number.
    public init(_ ip: IPAddress, port: UInt16) {
        switch ip {
        case .v4(let address): self = .ipv4(address, port: port)
        case .v6(let address): self = .ipv6(address, port: port)
        }
    }

    /// The IP address; `nil` for Unix addresses and ``unnamed``.
    public var ip: IPAddress? {
        switch self {
        case .ipv4(let address, _): .v4(address)
        case .ipv6(let address, _): .v6(address)
        case .unix, .unnamed: nil
        }
    }

    /// The port; `nil` for Unix addresses and ``unnamed``.
    public var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port): port
        case .unix, .unnamed: nil
        }
    }

    /// The address's family; `nil` for ``unnamed``.
    public var family: AddressFamily? {
        switch self {
        case .ipv4: .ipv4
        case .ipv6: .ipv6
        case .unix: .unix
        case .unnamed: nil
        }
    }

    /// The IPv4 form of an IPv4-mapped address, or the unchanged address if it is not IPv4-mapped:
    /// `[::ffff:1.2.3.4]:80` becomes `1.2.3.4:80`.
    ///
    /// A dual-stack listener reports the unmapped addresses of its IPv4 clients.
    package var unmapped: SocketAddress {
        guard case .ipv6(let address, let port) = self, let inner = address.ipv4Mapped else {
            return self
        }
        return .ipv4(inner, port: port)
    }

    /// A Boolean value that indicates whether the address needs a zone and has none (RFC 4007).
    ///
    /// Link-local addresses, and multicast groups with interface-local or link-local scope, are
    /// valid only on one link, which the zone names.
    @inline(__always)
    package var lacksZone: Bool {
        guard case .ipv6(let address, _) = self, address.high >> 54 >= 0xFE80 >> 6 else {
            return false
        }
        let isOfLink = address.isMulticast ? 1...2 ~= address.high >> 48 & 0xF : address.isLinkLocal
        return isOfLink && address.zone == nil
    }

    /// Returns the address with another port.
    ///
    /// Unix addresses and ``unnamed`` are returned unchanged, because they have no port.
    package func with(port: UInt16) -> SocketAddress {
        guard let ip else { return self }
        return SocketAddress(ip, port: port)
    }
}

extension SocketAddress: LosslessStringConvertible {
    /// Parses an address with its port, or a Unix address; `nil` for any other text.
    ///
    /// The initializer accepts `1.2.3.4:80`, `[::1]:80`, `[fe80::1%eth0]:80`, `unix:/path` or
    /// `/path`, `unix:@name` or `@name`, and `unnamed`. It rejects host names and service names;
    /// ``Endpoint/init(parsing:transport:)`` accepts those. In a Unix address, `\xNN` stands for
    /// the byte with that hexadecimal value, as in ``description``.
    ///
    /// - Parameter text: The address.
    public init?(_ text: String) {
        // Compare bytes, because `/` followed by a combining mark is one `Character`, which is not
        // equal to `/`.
        let utf8 = text.utf8
        let scheme = "unix:".utf8
        if text == "unnamed" {
            self = .unnamed
        } else if utf8.starts(with: scheme) {
            self.init(unix: utf8.dropFirst(scheme.count))
        } else if utf8.first == UInt8(ascii: "/") || utf8.first == UInt8(ascii: "@") {
            self.init(unix: utf8[...])
        } else {
            self.init(internet: text)
        }
    }

    private init?(unix text: Substring.UTF8View) {
        // The longest text is `@` and a four-byte escape for each byte of the name, so longer texts
        // are rejected.
        guard text.count <= 1 + 4 * UnixAddress.maximumLength else { return nil }
        // An unescaped `@` marks an abstract name. The escape `\x40` begins a path instead.
        let isAbstract = text.first == UInt8(ascii: "@")
        let bytes = TerminalText.bytes(unescaping: isAbstract ? text.dropFirst() : text)
        guard
            let address = isAbstract
                ? UnixAddress(abstractBytes: bytes) : UnixAddress(pathBytes: bytes)
        else { return nil }
        self = .unix(address)
    }

    private init?(internet text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = Port.number(parsing: String(text[text.utf8.index(after: colon)...]))
        else { return nil }
        let host = text.utf8[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            guard let address = IPv6Address(utf8: host.dropFirst().dropLast()) else { return nil }
            self = .ipv6(address, port: port)
        } else {
            guard let address = IPv4Address(utf8: host) else { return nil }
            self = .ipv4(address, port: port)
        }
    }

    /// The address in its usual form: `127.0.0.1:80`, `[::1]:80`, `/run/app.sock`, `@name`,
    /// `unnamed`.
    ///
    /// A Unix path that does not begin with `/` has the prefix `unix:`. Control characters and
    /// bytes that are not UTF-8 appear as `\xNN`, so the text is safe in a terminal.
    public var description: String {
        switch self {
        case .ipv4(let address, let port): return "\(address):\(port)"
        case .ipv6(let address, let port): return "[\(address)]:\(port)"
        case .unix(let address):
            switch (address.kind, address.bytes[0]) {
            case (.abstract, _), (.path, UInt8(ascii: "/")): return address.description
            case (.path, UInt8(ascii: "@")):
                return "unix:\\x40" + Substring(address.description.utf8.dropFirst())
            case (.path, _): return "unix:" + address.description
            }
        case .unnamed: return "unnamed"
        }
    }
}

extension AddressFamily {
    /// The wildcard address of the family with port 0, or `nil` for the Unix family.
    var wildcard: SocketAddress? {
        switch self {
        case .ipv4: .ipv4(.any, port: 0)
        case .ipv6: .ipv6(.any, port: 0)
        case .unix: nil
        }
    }
}
