import Sockets

/// A protocol that begins in plain text, and in which the client asks for TLS.
enum StartTLS: String, CaseIterable, Sendable {
    /// RFC 3207.
    case smtp
    /// RFC 9051, section 6.2.1.
    case imap
    /// RFC 2595, section 4.
    case pop3
    /// RFC 4217.
    case ftp
    /// The message SSLRequest of PostgreSQL.
    case postgres

    init(parsing text: String) throws(UsageError) {
        guard let known = Self(rawValue: text.lowercased()) else {
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError(
                "--starttls needs one of \(names), not \(TerminalText.quoted(text))")
        }
        self = known
    }

    /// The name of the protocol.
    var title: String { self == .postgres ? "PostgreSQL" : rawValue.uppercased() }

    /// The command that asks for TLS.
    var command: String {
        switch self {
        case .smtp, .imap: "STARTTLS"
        case .pop3: "STLS"
        case .ftp: "AUTH TLS"
        case .postgres: "SSLRequest"
        }
    }

    /// Asks the server for TLS, and returns when the server has agreed.
    ///
    /// - Throws: A `Failure` if the server does not agree, and a `SocketError` if the connection
    ///   breaks or the deadline passes.
    func request(_ dialog: PlainDialog) throws {
        switch self {
        case .smtp: try Self.requestSMTP(dialog)
        case .imap: try Self.requestIMAP(dialog)
        case .pop3: try Self.requestPOP3(dialog)
        case .ftp:
            _ = try dialog.receiveReply("220")
            try dialog.send("AUTH TLS")
            _ = try dialog.receiveReply("234")
        case .postgres: try Self.requestPostgres(dialog)
        }
    }

    private static func requestSMTP(_ dialog: PlainDialog) throws {
        _ = try dialog.receiveReply("220")
        try dialog.send("EHLO \(addressLiteral(dialog.localAddress))")
        // A keyword may be followed by parameters.
        let keywords = try dialog.receiveReply("250").dropFirst().map(firstWord)
        guard keywords.contains("STARTTLS") else { throw dialog.notOffered }
        try dialog.send("STARTTLS")
        _ = try dialog.receiveReply("220")
    }

    /// Returns the address in the form that RFC 5321, section 4.1.3 requires from a client without
    /// a name.
    private static func addressLiteral(_ address: SocketAddress) -> String {
        switch address.ip {
        case .v4(let address)?: "[\(address)]"
        case .v6?: "[IPv6:\(address.ipText.prefix { $0 != "%" })]"
        case nil: "localhost"
        }
    }

    /// Returns the first word after the reply code of a line, in capitals.
    private static func firstWord(_ line: String) -> String {
        String(line.dropFirst(4).prefix { $0 != " " }).uppercased()
    }

    private static func requestIMAP(_ dialog: PlainDialog) throws {
        let greeting = try dialog.receiveLine()
        // The other greetings are BYE, with which the server hangs up, and PREAUTH, after which it
        // refuses STARTTLS because the client is already logged in.
        guard greeting.uppercased().hasPrefix("* OK") else { throw dialog.refused(greeting) }
        let capabilities = try requestIMAP("CAPABILITY", tag: "a1", dialog)
        let words = capabilities.filter { $0.uppercased().hasPrefix("* CAPABILITY ") }
            .flatMap { $0.uppercased().split(separator: " ") }
        guard words.contains("STARTTLS") else { throw dialog.notOffered }
        _ = try requestIMAP("STARTTLS", tag: "a2", dialog)
    }

    /// Sends a command of IMAP, and returns the lines before the tagged reply.
    private static func requestIMAP(
        _ command: String, tag: String, _ dialog: PlainDialog
    ) throws -> [String] {
        try dialog.send("\(tag) \(command)")
        let lines = try dialog.receiveLines { $0.hasPrefix("\(tag) ") }
        guard let last = lines.last, last.uppercased().hasPrefix("\(tag.uppercased()) OK") else {
            throw dialog.refused(lines.last ?? "")
        }
        return lines.dropLast()
    }

    private static func requestPOP3(_ dialog: PlainDialog) throws {
        let greeting = try dialog.receiveLine()
        guard greeting.hasPrefix("+OK") else { throw dialog.refused(greeting) }
        try dialog.send("CAPA")
        // A server that does not know CAPA may still support STLS, so send STLS to it too.
        if try dialog.receiveLine().hasPrefix("+OK") {
            let capabilities = try dialog.receiveLines { $0 == "." }
            guard capabilities.contains(where: { $0.uppercased() == "STLS" }) else {
                throw dialog.notOffered
            }
        }
        try dialog.send("STLS")
        let reply = try dialog.receiveLine()
        guard reply.hasPrefix("+OK") else { throw dialog.refused(reply) }
    }

    private static func requestPostgres(_ dialog: PlainDialog) throws {
        // The message consists of its length, 8, and the code of SSLRequest: the 16-bit numbers
        // 1234 and 5679.
        try dialog.send([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
        switch try dialog.receiveByte() {
        case UInt8(ascii: "S"): return
        case UInt8(ascii: "N"): throw dialog.notOffered
        case let byte: throw dialog.refused(TerminalText.escaped([byte]))
        }
    }
}
