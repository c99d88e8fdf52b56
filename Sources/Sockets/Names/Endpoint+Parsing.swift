extension Endpoint {
    /// Reads an endpoint from text that came from outside.
    ///
    /// - `host:port`, `host:service`, `192.0.2.7:80`, `[::1]:80`, `[fe80::1%eth0]:80`: a port of a
    ///   host, over `transport`. IPv6 addresses need their brackets.
    /// - `:80`: the port without a host, every interface when listening.
    /// - `tcp://` or `udp://` before any of these decides the transport.
    /// - `unix:/run/app.sock`, `unix:///run/app.sock`, `unix:@abstract`, and the same after
    ///   `unixgram:` and `unixpacket:`: a socket of this machine. When `transport` is one of a
    ///   Unix socket, a path alone will do.
    ///
    /// In a path `\xNN` stands for the byte with that hexadecimal value, as ``description`` writes
    /// control characters.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)``, which names the text and says what was
    ///   expected. Whether the host and the service exist shows when they are looked up.
    public init(_ text: String, transport: Transport = .tcp) throws(SocketError) {
        let (scheme, rest) = try Self.scheme(of: text)
        let transport = scheme ?? transport
        if transport.isUnix {
            self = try Self.unix(transport, rest.utf8, of: text)
        } else {
            let (host, port) = try Self.hostAndPort(rest, of: text)
            self = transport == .udp ? .udp(host, port: port) : .tcp(host, port: port)
        }
    }

    /// The transport that the text names, and what comes after it.
    private static func scheme(
        of text: String
    ) throws(SocketError) -> (scheme: Transport?, rest: Substring) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            return (nil, text[...])
        }
        let word = text[..<colon].lowercased()
        let rest = text[text.utf8.index(after: colon)...]
        let known = Transport.allCases.first { "\($0)" == word }
        if let known, known.isUnix { return (known, rest) }
        // A host may be called `tcp`; only the slashes make a scheme of the word.
        guard rest.utf8.starts(with: "//".utf8) else { return (nil, text[...]) }
        guard let known else {
            let names = Transport.allCases.map { "\($0)" }.joined(separator: ", ")
            throw complaint(
                about: text, "\(TerminalText.quoted(word, limit: 30)) is none of \(names)")
        }
        return (known, Substring(rest.utf8.dropFirst(2)))
    }

    private static func unix(
        _ transport: Transport, _ name: Substring.UTF8View, of text: String
    ) throws(SocketError) -> Endpoint {
        // `unix:///run/app.sock` is a URL with an empty host; one with a host is nowhere.
        var name = name
        if name.starts(with: "//".utf8) {
            name = name.dropFirst(2)
            guard name.first == UInt8(ascii: "/") else {
                throw complaint(about: text, "expected a path after \(transport)://")
            }
        }
        var bytes = TerminalText.bytes(unescaping: name)
        // An escaped at sign belongs to the path, it does not mark an abstract name.
        let at = UInt8(ascii: "@")
        if bytes.first == at, name.first != at { bytes = Array("./".utf8) + bytes }
        guard UnixAddress(markedBytes: bytes) != nil else {
            let limit = UnixAddress.maximumLength
            throw complaint(
                about: text,
                "expected a path, or @ and an abstract name, of 1 to \(limit) bytes without NUL")
        }
        guard let path = String(validating: bytes, as: UTF8.self) else {
            throw complaint(about: text, "expected UTF-8")
        }
        switch transport {
        case .unixDatagram: return .unixDatagram(path)
        case .unixSequencedPacket: return .unixSequencedPacket(path)
        default: return .unix(path)
        }
    }

    private static func hostAndPort(
        _ place: Substring, of text: String
    ) throws(SocketError) -> (host: String, port: Port) {
        guard let colon = place.utf8.lastIndex(of: UInt8(ascii: ":")) else {
            throw complaint(about: text, "expected HOST:PORT, [IPV6]:PORT or unix:PATH")
        }
        let host = try Self.host(place[..<colon], of: text)
        let port = String(place[place.utf8.index(after: colon)...])
        guard let port = Port(checking: port) else {
            throw complaint(about: text, Port.complaint(about: port))
        }
        return (host, port)
    }

    private static func host(_ shown: Substring, of text: String) throws(SocketError) -> String {
        if shown.isEmpty { return "" }
        if shown.utf8.first == UInt8(ascii: "["), shown.utf8.last == UInt8(ascii: "]") {
            let address = String(shown.dropFirst().dropLast())
            guard IPv6Address(address) != nil else {
                throw complaint(
                    about: text, "\(TerminalText.quoted(address)) is not an IPv6 address")
            }
            return address
        }
        let host = String(shown)
        if host.utf8.contains(UInt8(ascii: ":")) || host.utf8.contains(UInt8(ascii: "[")) {
            throw complaint(about: text, "an IPv6 address needs brackets, as in [::1]:80")
        }
        if let problem = HostName.problem(with: host) {
            throw complaint(about: text, "\(TerminalText.quoted(host)) is not a host: \(problem)")
        }
        return host
    }

    private static func complaint(about text: String, _ reason: String) -> SocketError {
        SocketError(
            .parse, .invalidInput("\(TerminalText.quoted(text)) is not an endpoint: \(reason)"))
    }
}
