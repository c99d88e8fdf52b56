extension IPPrefix {
    /// Parses a prefix from untrusted text, such as `10.0.0.0/8` or `2001:db8::/32`.
    ///
    /// ```swift
    /// let prefix = try IPPrefix(parsing: "2001:db8::/32")
    /// ```
    ///
    /// - Parameter text: The prefix: an address, `/`, and the length in digits.
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the text is not a prefix, the length is
    ///   out of range, or the address has a zone. The error names the text.
    public init(parsing text: String) throws(SocketError) {
        guard let prefix = IPPrefix(text) else {
            throw SocketError(
                .parse, .invalidInput(Self.fault(in: text)),
                subject: "prefix \(TerminalText.quoted(text))")
        }
        self = prefix
    }

    /// Returns what was expected instead of a text that is not a prefix.
    private static func fault(in text: String) -> String {
        guard let parts = parts(of: text) else {
            return IPAddress(text) == nil
                ? "expected an address, / and a length, such as 10.0.0.0/8"
                : "expected / and a length after the address"
        }
        if parts.address != parts.address.withoutZone {
            return "a prefix has no zone, so remove % and the name after it"
        }
        return "expected a length from 0 to \(parts.address.width) in digits"
    }
}
