// How an IPv6 address is read (RFC 4291, section 2.2) and written (RFC 5952).

extension IPv6Address: LosslessStringConvertible {
    /// Reads an address in any of the forms of RFC 4291, or gives `nil`.
    ///
    /// Eight groups of one to four hexadecimal digits; `::` once for one or more groups of zeros;
    /// an IPv4 address in place of the last two groups; at the end `%` and a zone: 1 to 15 bytes,
    /// without spaces, control characters, `/` and `:`. No brackets, and no prefix length.
    /// Apart from the zone it agrees with the C function `inet_pton`.
    public init?(_ text: String) {
        self.init(utf8: text.utf8[...])
    }

    /// Reads the same text from its bytes.
    init?(utf8 text: Substring.UTF8View) {
        let percent = text.firstIndex(of: UInt8(ascii: "%"))
        guard let groups = Self.groups(in: text[..<(percent ?? text.endIndex)]) else { return nil }
        var zone: String?
        if let percent {
            zone = String(Substring(text[text.index(after: percent)...]))
            guard let zone, Self.isZone(zone) else { return nil }
        }
        self.init(
            high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
            low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) },
            zone: zone)
    }

    /// The address as RFC 5952 recommends: lower case, the longest run of zero groups as `::`, the
    /// first of equally long ones, never a single group; IPv4-mapped addresses as `::ffff:a.b.c.d`;
    /// then `%` and the zone, if there is one.
    public var description: String {
        let digits: String
        if let ipv4Mapped {
            digits = "::ffff:\(ipv4Mapped)"
        } else {
            digits = Self.text(of: groups)
        }
        guard let zone else { return digits }
        // A zone that can be read is safe to show, and has to be read back as it is; only one that
        // was set by hand may need escapes.
        return "\(digits)%\(Self.isZone(zone) ? zone : TerminalText.escaped(zone))"
    }
}

// MARK: Reading

extension IPv6Address {
    /// Whether an interface can have this name, or it is an index in decimal.
    ///
    /// The kernel's rules: 1 to 15 bytes (`IFNAMSIZ` less the final NUL), no `/`, `:` or space.
    package static func isZone(_ text: String) -> Bool {
        (1...15).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { scalar in
                TerminalText.isSafe(scalar) && !scalar.properties.isWhitespace && scalar != "/"
                    && scalar != ":"
            }
    }

    /// The eight groups that the text stands for, or `nil`.
    private static func groups(in text: Substring.UTF8View) -> [UInt16]? {
        // The longest is eight groups whose last two are an IPv4 address, 45 bytes.
        guard text.count <= 45 else { return nil }
        guard let gap = gap(in: text) else {
            guard let groups = list(in: text, mayEndInIPv4: true), groups.count == 8 else {
                return nil
            }
            return groups
        }
        guard let before = list(in: text[..<gap.lowerBound], mayEndInIPv4: false),
            let after = list(in: text[gap.upperBound...], mayEndInIPv4: true),
            before.count + after.count <= 7
        else { return nil }
        return before + Array(repeating: 0, count: 8 - before.count - after.count) + after
    }

    /// Where the first `::` stands.
    private static func gap(in text: Substring.UTF8View) -> Range<Substring.UTF8View.Index>? {
        let colon = UInt8(ascii: ":")
        for (first, second) in zip(text.indices, text.indices.dropFirst())
        where text[first] == colon && text[second] == colon {
            return first..<text.index(after: second)
        }
        return nil
    }

    /// The groups of a list with single colons between them; none for an empty text.
    private static func list(in text: Substring.UTF8View, mayEndInIPv4: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for part in parts {
            if let group = group(in: part) {
                groups.append(group)
            } else if mayEndInIPv4, part.endIndex == text.endIndex,
                let address = IPv4Address(utf8: part)
            {
                groups.append(UInt16(truncatingIfNeeded: address.bits >> 16))
                groups.append(UInt16(truncatingIfNeeded: address.bits))
            } else {
                return nil
            }
        }
        return groups
    }

    /// The group that one to four hexadecimal digits spell.
    private static func group(in digits: Substring.UTF8View) -> UInt16? {
        guard (1...4).contains(digits.count) else { return nil }
        var group: UInt16 = 0
        for digit in digits {
            guard let value = Hexadecimal.value(of: digit) else { return nil }
            group = group << 4 | UInt16(value)
        }
        return group
    }
}

// MARK: Writing

extension IPv6Address {
    /// The eight groups of sixteen bits, in the order in which they are written.
    private var groups: [UInt16] {
        [high, low].flatMap { half in
            (0..<4).map { UInt16(truncatingIfNeeded: half >> (48 - 16 * UInt64($0))) }
        }
    }

    private static func text(of groups: [UInt16]) -> String {
        guard let gap = longestRunOfZeros(in: groups) else { return joined(groups[...]) }
        return "\(joined(groups[..<gap.lowerBound]))::\(joined(groups[gap.upperBound...]))"
    }

    private static func joined(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// The longest run of at least two groups of zeros, the first of equally long ones.
    private static func longestRunOfZeros(in groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 {
                start = index + 1
            } else if index + 1 - start > longest.count {
                longest = start..<index + 1
            }
        }
        return longest.count >= 2 ? longest : nil
    }
}
