/// Functions that validate untrusted host names before libc or a name server sees them.
///
/// Libc accepts `127.1`, `0x7f000001` and `010.0.0.1` as addresses, which many filters do not
/// recognize. It also ignores the text after a NUL, and queries name servers for names that cannot
/// exist.
enum HostName {
    /// Checks that `text` is a valid host.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if `text` is not a valid host.
    static func check(_ text: String) throws(SocketError) {
        guard let problem = problem(with: text) else { return }
        throw SocketError(
            .parse, .invalidInput(problem), subject: "host \(TerminalText.quoted(text))")
    }

    /// Returns the reason why `text` is not a valid host, as the end of a sentence; `nil` if it is
    /// valid.
    ///
    /// A host is a numeric address or a name. A name consists of labels separated by dots, with an
    /// optional final dot, and has at most 253 bytes. A label has 1 to 63 ASCII letters, digits and
    /// hyphens (RFC 1123), or underscores, which occur in practice.
    static func problem(with text: String) -> String? {
        if text.isEmpty { return "expected a name or a numeric address" }
        if IPAddress(text) != nil { return nil }
        if text.utf8.contains(UInt8(ascii: ":")) {
            return "expected a name, or a complete IPv6 address"
        }
        if text.utf8.contains(where: { $0 >= 0x80 }) {
            return "expected ASCII; write an international name in its xn-- form"
        }
        let name = text.utf8.last == UInt8(ascii: ".") ? text.utf8.dropLast() : text.utf8[...]
        if name.count > 253 { return "expected at most 253 characters" }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy(isLabel), name.first != UInt8(ascii: "-") else {
            return "expected parts of letters, digits and hyphens, separated by single dots"
        }
        if let last = labels.last, looksLikeNumber(last) {
            return "expected four numbers from 0 to 255, as in 192.0.2.7"
        }
        return nil
    }

    private static func isLabel(_ label: Substring.UTF8View) -> Bool {
        (1...63).contains(label.count)
            && label.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// Returns whether libc's `inet_aton` might accept a host with this last label as an address.
    ///
    /// Rejecting such hosts rejects no valid name, because no top-level domain is a number.
    private static func looksLikeNumber(_ label: Substring.UTF8View) -> Bool {
        if label.allSatisfy(Decimal.isDigit) { return true }
        let prefix = label.prefix(2)
        let isHexadecimal = prefix.elementsEqual("0x".utf8) || prefix.elementsEqual("0X".utf8)
        return isHexadecimal && label.dropFirst(2).allSatisfy { Hexadecimal.value(of: $0) != nil }
    }
}
