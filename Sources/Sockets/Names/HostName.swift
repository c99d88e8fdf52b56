/// What a host may be called in text from outside, before libc or a name server sees it.
///
/// Libc reads `127.1`, `0x7f000001` and `010.0.0.1` as numbers that many a filter does not
/// recognise, stops at a NUL, and asks name servers for names that cannot exist. None of them gets
/// that far.
enum HostName {
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` when `text` names no host.
    static func check(_ text: String) throws(SocketError) {
        guard let problem = problem(with: text) else { return }
        throw SocketError(
            .parse, .invalidInput("\(TerminalText.quoted(text)) is not a host: \(problem)"))
    }

    /// Why `text` names no host, as the end of a sentence; `nil` when it may well do.
    ///
    /// A host is a numeric address, or a name of dot-separated labels of 1 to 63 ASCII letters,
    /// digits, hyphens and underscores, 253 bytes in all, perhaps with a final dot (RFC 1123, and
    /// the underscore that practice allows).
    static func problem(with text: String) -> String? {
        if text.isEmpty { return "expected a name or a numeric address" }
        if IPAddress(text) != nil { return nil }
        if text.utf8.contains(UInt8(ascii: ":")) {
            return "expected a name, or a complete IPv6 address"
        }
        if text.utf8.contains(where: { $0 >= 0x80 }) {
            return "expected ASCII; an international name has such a form, which begins with xn--"
        }
        let name = text.utf8.last == UInt8(ascii: ".") ? text.utf8.dropLast() : text.utf8[...]
        if name.count > 253 { return "expected at most 253 characters" }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy(isLabel), name.first != UInt8(ascii: "-") else {
            return "expected letters, digits and hyphens, with single dots between"
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

    /// Whether libc's `inet_aton` might take a text that ends so for a number.
    ///
    /// No top-level domain is a number, so that no name is lost.
    private static func looksLikeNumber(_ label: Substring.UTF8View) -> Bool {
        if label.allSatisfy(Decimal.isDigit) { return true }
        let marker = label.prefix(2)
        let isHexadecimal = marker.elementsEqual("0x".utf8) || marker.elementsEqual("0X".utf8)
        return isHexadecimal && label.dropFirst(2).allSatisfy { Hexadecimal.value(of: $0) != nil }
    }
}
