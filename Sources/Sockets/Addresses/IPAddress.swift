/// An IPv4 or IPv6 address.
///
/// An IPv4-mapped address such as `::ffff:192.0.2.7` is a version 6 address. Its ``unmapped`` form
/// is the version 4 address `192.0.2.7`. An address is encoded as its text (`Codable`); see
/// ``IPv6Address`` for the encoding of zones.
public enum IPAddress: Hashable, Sendable {
    /// A version 4 address, such as `192.0.2.7`.
    case v4(IPv4Address)
    /// A version 6 address, such as `2001:db8::7`.
    case v6(IPv6Address)

    /// The address's family: ``AddressFamily/ipv4`` or ``AddressFamily/ipv6``.
    public var family: AddressFamily {
        switch self {
        case .v4: .ipv4
        case .v6: .ipv6
        }
    }

    /// The version 4 address inside an IPv4-mapped version 6 address (`::ffff:192.0.2.7`), or the
    /// unchanged address if it is not IPv4-mapped.
    public var unmapped: IPAddress {
        guard case .v6(let address) = self, let inner = address.ipv4Mapped else { return self }
        return .v4(inner)
    }

    /// A Boolean value that indicates whether the address is `0.0.0.0` or `::`, which are never
    /// assigned to a machine.
    public var isUnspecified: Bool { value(\.isUnspecified, \.isUnspecified) }

    /// A Boolean value that indicates whether the address is in `127.0.0.0/8` or is `::1`, so
    /// packets to it never leave this machine.
    public var isLoopback: Bool { value(\.isLoopback, \.isLoopback) }

    /// A Boolean value that indicates whether the address is a multicast group in `224.0.0.0/4` or
    /// `ff00::/8`.
    public var isMulticast: Bool { value(\.isMulticast, \.isMulticast) }

    /// A Boolean value that indicates whether the address is valid only on one link, because it is
    /// in `169.254.0.0/16` or `fe80::/10`.
    public var isLinkLocal: Bool { value(\.isLinkLocal, \.isLinkLocal) }

    /// A Boolean value that indicates whether the address is in a range for private networks: those
    /// of RFC 1918, or `fc00::/7`.
    public var isPrivate: Bool { unmapped.value(\.isPrivate, \.isUniqueLocal) }

    /// Returns the result of `v4` for a version 4 address, or of `v6` for a version 6 address.
    ///
    /// A property may have different names in the two address types.
    func value<Value>(_ v4: (IPv4Address) -> Value, _ v6: (IPv6Address) -> Value) -> Value {
        switch self {
        case .v4(let address): v4(address)
        case .v6(let address): v6(address)
        }
    }
}

extension IPAddress: Comparable {
    /// Orders version 4 before version 6, and addresses of the same version as numbers.
    public static func < (lhs: IPAddress, rhs: IPAddress) -> Bool {
        switch (lhs, rhs) {
        case (.v4(let lhs), .v4(let rhs)): lhs < rhs
        case (.v6(let lhs), .v6(let rhs)): lhs < rhs
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
}

extension IPAddress: LosslessStringConvertible {
    /// Parses an address of either version; `nil` for any other text, such as a host name or an
    /// address in brackets.
    ///
    /// See ``IPv4Address/init(_:)`` and ``IPv6Address/init(_:)`` for the accepted forms.
    ///
    /// - Parameter text: The address.
    public init?(_ text: String) {
        if let address = IPv4Address(text) {
            self = .v4(address)
        } else if let address = IPv6Address(text) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// The address in its usual form: `192.0.2.7`, `2001:db8::7`.
    public var description: String { value(\.description, \.description) }
}
