/// An address of the Internet Protocol version 6, such as `2001:db8::7` or `fe80::1%eth0`.
///
/// Addresses compare and sort as numbers, then by zone. The corresponding C type is `struct
/// in6_addr`, except that C stores the zone in `sin6_scope_id`.
///
/// An address is encoded as its text with the zone (`Codable`). Encoding throws `EncodingError` if
/// the zone cannot be the name of an interface.
public struct IPv6Address: Hashable, Sendable {
    /// The first eight bytes as a number in host order.
    public var high: UInt64

    /// The last eight bytes as a number in host order.
    public var low: UInt64

    /// The zone of an address that is valid only on one link: an interface's name or its index in
    /// decimal; `nil` for none (RFC 4007).
    ///
    /// The interface is looked up only when an operation uses the address, and the operation fails
    /// if the interface does not exist. A name has priority over an index: `fe80::1%77` is on the
    /// interface called `77`, if there is one. `fe80::1%eth0` and `fe80::1%2` are different values,
    /// even if `eth0` is interface 2. The addresses that sockets, datagrams and lookups return
    /// contain the interface's name. They contain the index if the interface is gone or if no
    /// descriptor is left to look up the name.
    public var zone: String?

    /// Creates an address from two numbers in host order.
    ///
    /// For example, `IPv6Address(high: 0, low: 1)` is `::1`.
    ///
    /// - Parameters:
    ///   - high: The first eight bytes.
    ///   - low: The last eight bytes.
    ///   - zone: An interface's name or index; `nil` for none.
    public init(high: UInt64, low: UInt64, zone: String? = nil) {
        self.high = high
        self.low = low
        self.zone = zone
    }

    /// Creates an address from sixteen bytes in network order; `nil` for any other number of bytes.
    ///
    /// - Parameter bytes: The bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.init(
            high: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) },
            low: bytes[8...].reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// Creates the IPv4-mapped address `::ffff:a.b.c.d`, which an IPv6 socket uses to reach an IPv4
    /// machine (RFC 4291, section 2.5.5.2).
    ///
    /// - Parameter address: The IPv4 address.
    public init(mapping address: IPv4Address) {
        self.init(high: 0, low: 0xFFFF << 32 | UInt64(address.bits))
    }

    /// The sixteen bytes in network order.
    public var bytes: [UInt8] {
        [high, low].flatMap { half in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
        }
    }

    /// The IPv4 address inside an IPv4-mapped address; `nil` for any other address.
    public var ipv4Mapped: IPv4Address? {
        guard high == 0, low >> 32 == 0xFFFF else { return nil }
        return IPv4Address(bits: UInt32(truncatingIfNeeded: low))
    }
}

// MARK: Well-known addresses

extension IPv6Address {
    /// `::`: every interface of this machine, for listening (`in6addr_any`).
    public static let any = IPv6Address(high: 0, low: 0)

    /// `::1`: this machine (`in6addr_loopback`).
    public static let loopback = IPv6Address(high: 0, low: 1)

    /// A Boolean value that indicates whether the address is `::`, which is never assigned to a
    /// machine.
    ///
    /// This property, ``isLoopback``, ``isMulticast`` and ``isLinkLocal`` treat an IPv4-mapped
    /// address as the IPv4 address inside it.
    public var isUnspecified: Bool { ipv4Mapped?.isUnspecified ?? (high == 0 && low == 0) }

    /// A Boolean value that indicates whether the address is `::1`, so packets to it never leave
    /// this machine (RFC 4291).
    public var isLoopback: Bool { ipv4Mapped?.isLoopback ?? (high == 0 && low == 1) }

    /// A Boolean value that indicates whether the address is a multicast group in `ff00::/8` (RFC
    /// 4291).
    public var isMulticast: Bool { ipv4Mapped?.isMulticast ?? (high >> 56 == 0xFF) }

    /// A Boolean value that indicates whether the address is valid only on one link, because it is
    /// in `fe80::/10` (RFC 4291).
    public var isLinkLocal: Bool { ipv4Mapped?.isLinkLocal ?? (high >> 54 == 0xFE80 >> 6) }

    /// A Boolean value that indicates whether the address is in the range for private networks:
    /// `fc00::/7` (RFC 4193).
    public var isUniqueLocal: Bool { high >> 57 == 0xFC >> 1 }
}

extension IPv6Address: Comparable {
    /// Orders addresses as numbers, and equal numbers by zone; an address without a zone comes
    /// first.
    public static func < (lhs: IPv6Address, rhs: IPv6Address) -> Bool {
        (lhs.high, lhs.low, lhs.zone == nil ? 0 : 1, lhs.zone ?? "")
            < (rhs.high, rhs.low, rhs.zone == nil ? 0 : 1, rhs.zone ?? "")
    }
}
