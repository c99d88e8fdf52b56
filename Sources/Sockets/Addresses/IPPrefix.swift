/// A range of IP addresses that begin with the same bits, such as `10.0.0.0/8` or `2001:db8::/32`.
///
/// ```swift
/// let office = try IPPrefix(parsing: "10.1.0.0/16")
/// if let address = client.remoteAddress.ip, office.contains(address) { … }
/// ```
///
/// A prefix keeps the address bits beyond its length, so `10.1.2.3/8` and `10.0.0.0/8` are
/// different values for the same range. ``masked`` sets these bits to zero. A prefix has no zone.
/// See RFC 4632 and RFC 4291, section 2.3.
public struct IPPrefix: Hashable, Sendable {
    /// The address before the slash, without a zone.
    ///
    /// It may be any address of the range.
    public let address: IPAddress

    /// The number of leading bits that all addresses of the range share.
    ///
    /// It is 0 to 32 for version 4 and 0 to 128 for version 6.
    public let length: Int

    /// Creates a prefix; `nil` if the length is out of range.
    ///
    /// For example, `IPPrefix(address, length: 64)?.masked` is the network of an IPv6 client. A
    /// server can use it to limit the number of clients from one network.
    ///
    /// - Parameters:
    ///   - address: An address of the range. Its zone is ignored.
    ///   - length: The number of shared bits: 0 to 32 for version 4, 0 to 128 for version 6.
    public init?(_ address: IPAddress, length: Int) {
        guard (0...address.width).contains(length) else { return nil }
        self.init(unchecked: address.withoutZone, length: length)
    }

    private init(unchecked address: IPAddress, length: Int) {
        self.address = address
        self.length = length
    }

    /// The same range with every bit beyond the length set to zero: `10.1.2.3/8` becomes
    /// `10.0.0.0/8`.
    ///
    /// Two prefixes are the same range if their masked forms are equal.
    public var masked: IPPrefix { IPPrefix(unchecked: first, length: length) }

    /// The lowest address of the range.
    ///
    /// In a version 4 network, this is usually the address of the network itself.
    public var first: IPAddress { address.replacingNumber(address.number & ~hostMask) }

    /// The highest address of the range.
    ///
    /// In a version 4 network, this is usually the broadcast address.
    public var last: IPAddress { address.replacingNumber(address.number | hostMask) }

    /// Returns whether the address is in the range.
    ///
    /// An address of the other version is not in the range. An IPv4-mapped address such as
    /// `::ffff:10.0.0.1` is a version 6 address, so pass its ``IPAddress/unmapped`` form if it may
    /// come from outside the library. Sockets already report IPv4 peers in this form. The zone of
    /// the address is ignored.
    ///
    /// - Parameter address: The address.
    /// - Returns: `true` if the address begins with the bits of this prefix.
    public func contains(_ address: IPAddress) -> Bool {
        address.family == self.address.family
            && (address.number ^ self.address.number) & ~hostMask == 0
    }

    /// Returns whether every address of another prefix is in the range.
    ///
    /// A prefix contains itself.
    ///
    /// - Parameter other: The other prefix.
    /// - Returns: `true` if `other` is at least as long and begins with the bits of this prefix.
    public func contains(_ other: IPPrefix) -> Bool {
        other.length >= length && contains(other.address)
    }

    /// Returns whether some address is in both ranges.
    ///
    /// - Parameter other: The other prefix.
    /// - Returns: `true` if one of the prefixes contains the other.
    public func overlaps(_ other: IPPrefix) -> Bool { contains(other) || other.contains(self) }

    /// A mask with a one for each bit beyond the length.
    private var hostMask: UInt128 { UInt128.max >> (128 - (address.width - length)) }
}

extension IPPrefix: Comparable {
    /// Orders prefixes by address, as ``IPAddress`` does, and then by length.
    public static func < (lhs: IPPrefix, rhs: IPPrefix) -> Bool {
        (lhs.address, lhs.length) < (rhs.address, rhs.length)
    }
}

// MARK: Text

extension IPPrefix: LosslessStringConvertible {
    /// Parses a prefix; `nil` for any other text.
    ///
    /// Accepts an address of either version, `/`, and the length in ASCII digits without leading
    /// zeros. Rejects an address without a length, a mask such as `/255.0.0.0`, brackets and zones.
    /// To get an error that says what is wrong with the text, use ``init(parsing:)``.
    ///
    /// - Parameter text: The prefix.
    public init?(_ text: String) {
        guard let parts = Self.parts(of: text), let length = parts.length,
            parts.address == parts.address.withoutZone
        else { return nil }
        self.init(parts.address, length: length)
    }

    /// Parses the address before the last slash and the length after it.
    ///
    /// Returns `nil` if there is no slash or no address before it. The length is `nil` if the text
    /// after the slash is not a number from 0 to 999 without leading zeros.
    static func parts(of text: String) -> (address: IPAddress, length: Int?)? {
        guard let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")),
            let address = IPAddress(String(text[..<slash]))
        else { return nil }
        let digits = text.utf8[text.utf8.index(after: slash)...]
        guard digits.count == 1 || digits.first != UInt8(ascii: "0"),
            let length = Decimal.value(of: digits, maximum: 999)
        else { return (address, nil) }
        return (address, Int(length))
    }

    /// The address, `/` and the length: `10.0.0.0/8`, `2001:db8::/32`.
    public var description: String { "\(address)/\(length)" }
}

// MARK: Addresses as numbers

extension IPAddress {
    /// The number of bits in an address of this version: 32 or 128.
    var width: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// The address without its zone.
    var withoutZone: IPAddress { replacingNumber(number) }

    /// The address as a number in host order, without the zone.
    fileprivate var number: UInt128 {
        switch self {
        case .v4(let address): UInt128(address.bits)
        case .v6(let address): UInt128(address.high) << 64 | UInt128(address.low)
        }
    }

    /// Returns the address of the same version with this number, without a zone.
    fileprivate func replacingNumber(_ number: UInt128) -> IPAddress {
        switch self {
        case .v4: .v4(IPv4Address(bits: UInt32(truncatingIfNeeded: number)))
        case .v6:
            .v6(
                IPv6Address(
                    high: UInt64(truncatingIfNeeded: number >> 64),
                    low: UInt64(truncatingIfNeeded: number)))
        }
    }
}
