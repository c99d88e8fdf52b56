// Parsing (RFC 4291, section 2.2) and printing (RFC 5952) of IPv6 addresses.

extension IPv6Address: LosslessStringConvertible {
    /// Parses an address in any form of RFC 4291; `nil` for any other text.
    ///
    /// An address has eight groups of one to four hexadecimal digits. `::` may replace one or more
    /// groups of zeros, but only once. An IPv4 address may replace the last two groups. `%` and a
    /// zone may follow: 1 to 15 bytes without spaces, control characters, `/` and `:`. Brackets and
    /// prefix lengths are rejected. Apart from the zone, the C function `inet_pton` accepts the
    /// same texts.
    ///
    /// - Parameter text: The address.
    public init?(_ text: String) { self.init(utf8: text.utf8[...]) }

    /// Parses an address from the UTF-8 bytes of its text.
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
            low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) }, zone: zone)
    }

    /// The address in the form that RFC 5952 recommends, in lower case.
    ///
    /// `::` replaces the longest run of zero groups, or the first of several such runs, but never a
    /// single group. An IPv4-mapped address has the form `::ffff:a.b.c.d`. `%` and the zone follow
    /// if there is a zone.
    public var description: String {
        let digits: String
        if let ipv4Mapped {
            digits = "::ffff:\(ipv4Mapped)"
        } else {
            digits = Self.text(of: groups)
        }
        guard let zone else { return digits }
        // A zone that the parser accepts is safe to show, and stays unchanged so that the text can
        // be parsed again. Only a zone that a program has set may need escapes.
        return "\(digits)%\(Self.isZone(zone) ? zone : TerminalText.escaped(zone))"
    }
}

// MARK: Reading

extension IPv6Address {
    /// Returns whether the text can be the name of an interface or an index in decimal.
    ///
    /// The kernel allows 1 to 15 bytes (`IFNAMSIZ` less the final NUL) without `/`, `:` and spaces.
    /// Control and invisible characters are rejected too.
    package static func isZone(_ text: String) -> Bool {
        (1...15).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { scalar in
                TerminalText.isSafe(scalar) && !scalar.properties.isWhitespace && scalar != "/"
                    && scalar != ":"
            }
    }

    /// Returns the eight groups of an address without a zone; `nil` if the text is not an address.
    private static func groups(in text: Substring.UTF8View) -> [UInt16]? {
        // The longest address has six groups and an IPv4 address, which are 45 bytes, so longer
        // texts are rejected without parsing.
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

    /// Returns the position of the first `::`; `nil` if there is none.
    private static func gap(in text: Substring.UTF8View) -> Range<Substring.UTF8View.Index>? {
        let colon = UInt8(ascii: ":")
        for (first, second) in zip(text.indices, text.indices.dropFirst())
        where text[first] == colon && text[second] == colon {
            return first..<text.index(after: second)
        }
        return nil
    }

    /// Parses groups that are separated by single colons.
    ///
    /// Returns an empty array for an empty text, and `nil` if a group is not valid.
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

    /// Parses a group of one to four hexadecimal digits; returns `nil` for any other text.
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
    /// The eight groups of sixteen bits, in written order.
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

    /// Returns the longest run of at least two groups of zeros, or the first of several such runs;
    /// `nil` if there is no such run.
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
