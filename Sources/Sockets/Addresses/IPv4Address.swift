/// An address of the Internet Protocol version 4, such as `192.0.2.7`.
///
/// Addresses compare and sort as numbers, and are encoded as their text (`Codable`). The
/// corresponding C type is `struct in_addr`.
public struct IPv4Address: Hashable, Sendable {
    /// The address as a number in host order: `127.0.0.1` is `0x7F000001`.
    public var bits: UInt32

    /// Creates an address from a number in host order.
    ///
    /// - Parameter bits: The number. `0x7F000001` is `127.0.0.1`.
    public init(bits: UInt32) { self.bits = bits }

    /// Creates an address from its four parts, in written order.
    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// Creates an address from four bytes in network order; `nil` for any other number of bytes.
    ///
    /// - Parameter bytes: The bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 4 else { return nil }
        self.init(bytes[0], bytes[1], bytes[2], bytes[3])
    }

    /// The four bytes in network order.
    public var bytes: [UInt8] {
        let (a, b, c, d) = octets
        return [a, b, c, d]
    }

    /// The four parts, in written order.
    public var octets: (UInt8, UInt8, UInt8, UInt8) {
        (
            UInt8(truncatingIfNeeded: bits >> 24), UInt8(truncatingIfNeeded: bits >> 16),
            UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)
        )
    }
}

// MARK: Well-known addresses

extension IPv4Address {
    /// `0.0.0.0`: every interface of this machine, for listening (`INADDR_ANY`).
    public static let any = IPv4Address(bits: 0)

    /// `127.0.0.1`: this machine (`INADDR_LOOPBACK`).
    public static let loopback = IPv4Address(127, 0, 0, 1)

    /// `255.255.255.255`: every machine on this network (`INADDR_BROADCAST`).
    public static let broadcast = IPv4Address(bits: .max)

    /// A Boolean value that indicates whether the address is `0.0.0.0`, which is never assigned to
    /// a machine.
    public var isUnspecified: Bool { bits == 0 }

    /// A Boolean value that indicates whether the address is in `127.0.0.0/8`, so packets to it
    /// never leave this machine (RFC 1122).
    public var isLoopback: Bool { bits >> 24 == 127 }

    /// A Boolean value that indicates whether the address is a multicast group in `224.0.0.0/4`
    /// (RFC 5771).
    public var isMulticast: Bool { bits >> 28 == 0xE }

    /// A Boolean value that indicates whether the address is in a range for private networks:
    /// `10.0.0.0/8`, `172.16.0.0/12` or `192.168.0.0/16` (RFC 1918).
    public var isPrivate: Bool { bits >> 24 == 10 || bits >> 20 == 0xAC1 || bits >> 16 == 0xC0A8 }

    /// A Boolean value that indicates whether the address is valid only on one link, because it is
    /// in `169.254.0.0/16` (RFC 3927).
    public var isLinkLocal: Bool { bits >> 16 == 0xA9FE }
}

extension IPv4Address: Comparable {
    /// Orders addresses as numbers: `9.0.0.0` comes before `10.0.0.0`.
    public static func < (lhs: IPv4Address, rhs: IPv4Address) -> Bool { lhs.bits < rhs.bits }
}

// MARK: Text

extension IPv4Address: LosslessStringConvertible {
    /// Parses an address of four decimal parts; `nil` for any other text.
    ///
    /// The text must have exactly four parts from 0 to 255 in ASCII digits, without leading zeros.
    /// `127.1`, `0x7F.0.0.1` and `010.0.0.1` are rejected, because programs interpret them as
    /// different addresses. The C function `inet_pton` rejects them too.
    ///
    /// - Parameter text: The address.
    public init?(_ text: String) { self.init(utf8: text.utf8) }

    /// Parses dotted-decimal text from its UTF-8 bytes.
    init?(utf8 text: some Collection<UInt8>) {
        // The longest valid text is `255.255.255.255`, so longer texts are rejected without
        // parsing.
        guard text.count <= 15 else { return nil }
        var bits: UInt32 = 0
        var parts = 0
        for part in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard parts < 4, let value = Decimal.value(of: part, maximum: 255) else { return nil }
            guard part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            bits = bits << 8 | value
            parts += 1
        }
        guard parts == 4 else { return nil }
        self.init(bits: bits)
    }

    /// The four parts in decimal, separated by dots: `192.0.2.7`.
    public var description: String {
        let (a, b, c, d) = octets
        return "\(a).\(b).\(c).\(d)"
    }
}
