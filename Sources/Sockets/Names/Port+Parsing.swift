extension Port {
    /// Parses a port from untrusted text: digits from 0 to 65535, or the name of a service.
    ///
    /// A service name begins with a letter and continues with letters, digits, `-`, `_`, `.` and
    /// `+`. It has at most 63 characters. RFC 6335 is stricter, but `/etc/services` contains such
    /// names. The service is looked up later, so it need not exist yet. `+80`, `-1`, `80x`, `0x50`,
    /// `٨٠`, spaces and the empty text are rejected.
    ///
    /// ```swift
    /// let port = try Port(parsing: "8080")
    /// ```
    ///
    /// - Parameter text: The port.
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the text is not a port. The error names
    ///   the text.
    public init(parsing text: String) throws(SocketError) {
        guard let port = Port(validating: text) else {
            throw SocketError(
                .parse, .invalidInput(Self.expectation),
                subject: "port \(TerminalText.quoted(text))")
        }
        self = port
    }

    /// Creates a port from a text that `init(parsing:)` accepts; `nil` for any other text.
    init?(validating text: String) {
        guard Port.number(parsing: text) != nil || Self.isServiceName(text) else { return nil }
        self.init(service: text)
    }

    /// Returns the port if it is a number or a valid service name, and throws otherwise.
    ///
    /// `init(service:)` does not validate the name, so the lookup must validate it first.
    func checked() throws(SocketError) -> Port {
        if let service { return try Port(parsing: service) }
        return self
    }

    /// A description of valid ports, for error texts.
    static let expectation = "expected 0 to 65535 in digits, or a service name"

    private static func isServiceName(_ text: String) -> Bool {
        guard (1...63).contains(text.utf8.count), let first = text.utf8.first, isLetter(first)
        else { return false }
        return text.utf8.allSatisfy {
            isLetter($0) || Decimal.isDigit($0) || "-_.+".utf8.contains($0)
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
