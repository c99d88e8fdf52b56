extension Port {
    /// Reads a port from text that came from outside: digits from 0 to 65535, or the name of a
    /// service.
    ///
    /// A service's name begins with a letter and goes on with letters, digits, `-`, `_`, `.` and
    /// `+`, 63 at most (RFC 6335 allows fewer, `/etc/services` has some of these). Whether there
    /// is such a service shows when it is looked up. `+80`, `-1`, `80x`, `0x50`, `٨٠`, spaces and
    /// the empty text are refused.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)``, which names the text.
    public init(parsing text: String) throws(SocketError) {
        guard let port = Port(checking: text) else {
            throw SocketError(.parse, .invalidInput(Self.complaint(about: text)))
        }
        self = port
    }

    /// Reads the same text; `nil` when it is no port.
    init?(checking text: String) {
        guard Port.number(parsing: text) != nil || Self.isServiceName(text) else { return nil }
        self.init(service: text)
    }

    /// The port that was made without a check, if it could be one.
    ///
    /// A service name out of a program's text is looked up only when it has the shape of one.
    func checked() throws(SocketError) -> Port {
        if let service, !Self.isServiceName(service) {
            throw SocketError(.parse, .invalidInput(Self.complaint(about: service)))
        }
        return self
    }

    static func complaint(about text: String) -> String {
        "\(TerminalText.quoted(text)) is not a port: expected 0 to 65535 in digits,"
            + " or a service name"
    }

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
