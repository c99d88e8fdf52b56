// The special ranges of the IANA registries of October 2025 (RFC 6890, RFC 8190).

extension IPv4Address {
    /// A Boolean value that indicates whether the address is in a range for examples in documents:
    /// `192.0.2.0/24`, `198.51.100.0/24` or `203.0.113.0/24` (RFC 5737).
    public var isDocumentation: Bool {
        [0xC00002, 0xC63364, 0xCB0071].contains(bits >> 8)
    }

    /// A Boolean value that indicates whether the address is in `100.64.0.0/10`, which providers
    /// share between their customers behind address translation (RFC 6598).
    ///
    /// Such an address is neither private nor global.
    public var isShared: Bool { bits >> 22 == 0x6440_0000 >> 22 }

    /// A Boolean value that indicates whether the address is in `240.0.0.0/4`, which is reserved
    /// for future use (RFC 1112, section 4).
    public var isReserved: Bool { bits >> 28 == 0xF }

    /// A Boolean value that indicates whether the address can be reached from the whole Internet,
    /// according to IANA's registry of special addresses (RFC 6890).
    ///
    /// Multicast groups are global in this sense, as in Python's `ipaddress`.
    public var isGlobal: Bool { SpecialRanges.ipv4.isGlobal(.v4(self)) }
}

extension IPv6Address {
    /// A Boolean value that indicates whether the address is in a range for examples in documents:
    /// `2001:db8::/32` (RFC 3849) or `3fff::/20` (RFC 9637).
    ///
    /// This property, ``isReserved`` and ``isGlobal`` treat an IPv4-mapped address as the IPv4
    /// address inside it.
    public var isDocumentation: Bool {
        ipv4Mapped?.isDocumentation ?? (high >> 32 == 0x2001_0DB8 || high >> 44 == 0x3FFF0)
    }

    /// A Boolean value that indicates whether the address is in a range that the IETF reserves (RFC
    /// 4291).
    ///
    /// `::1` and `::` are in such a range.
    public var isReserved: Bool {
        if let ipv4Mapped { return ipv4Mapped.isReserved }
        // 2000::/3, fc00::/7, fe80::/9 and ff00::/8 are in use. All other addresses are reserved,
        // including fe00::/9.
        return high >> 61 != 1 && high >> 57 != 0xFC >> 1 && high >> 55 != 0xFE80 >> 7
            && high >> 56 != 0xFF
    }

    /// A Boolean value that indicates whether the address is in `fec0::/10`, which RFC 3879 has
    /// deprecated.
    ///
    /// Unique local addresses replace this range; see ``isUniqueLocal``.
    public var isSiteLocal: Bool { high >> 54 == 0xFEC0 >> 6 }

    /// A Boolean value that indicates whether the address can be reached from the whole Internet,
    /// according to IANA's registry of special addresses (RFC 6890).
    ///
    /// Multicast groups are global in this sense, as in Python's `ipaddress`. So is `64:ff9b::/96`,
    /// whose addresses a translator forwards to the IPv4 address in their last four bytes (RFC
    /// 6052). Check that IPv4 address too if the program must not reach a private network.
    public var isGlobal: Bool {
        ipv4Mapped?.isGlobal ?? SpecialRanges.ipv6.isGlobal(.v6(self))
    }
}

extension IPAddress {
    /// A Boolean value that indicates whether the address is in a range for examples in documents.
    ///
    /// See ``IPv4Address/isDocumentation`` and ``IPv6Address/isDocumentation``.
    public var isDocumentation: Bool { value(\.isDocumentation, \.isDocumentation) }

    /// A Boolean value that indicates whether the address is reserved for future use.
    ///
    /// See ``IPv4Address/isReserved`` and ``IPv6Address/isReserved``.
    public var isReserved: Bool { value(\.isReserved, \.isReserved) }

    /// A Boolean value that indicates whether the address is in `100.64.0.0/10`.
    ///
    /// An IPv4-mapped address counts as the IPv4 address inside it. See ``IPv4Address/isShared``.
    public var isShared: Bool { unmapped.value(\.isShared) { _ in false } }

    /// A Boolean value that indicates whether the address can be reached from the whole Internet.
    ///
    /// See ``IPv4Address/isGlobal`` and ``IPv6Address/isGlobal``.
    public var isGlobal: Bool { value(\.isGlobal, \.isGlobal) }
}

/// The ranges of one version that cannot be reached from the whole Internet.
private struct SpecialRanges {
    /// The ranges that are not global.
    let local: [IPPrefix]
    /// The global ranges inside the ranges of `local`.
    let exceptions: [IPPrefix]

    init(_ local: [String], except exceptions: [String]) {
        self.local = local.map { IPPrefix($0)! }
        self.exceptions = exceptions.map { IPPrefix($0)! }
    }

    func isGlobal(_ address: IPAddress) -> Bool {
        !local.contains { $0.contains(address) } || exceptions.contains { $0.contains(address) }
    }

    static let ipv4 = SpecialRanges(
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
        ],
        except: ["192.0.0.9/32", "192.0.0.10/32"])

    static let ipv6 = SpecialRanges(
        [
            "::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23",
            "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
        ],
        except: [
            "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:3::/32", "2001:4:112::/48",
            "2001:20::/28", "2001:30::/28",
        ])
}
