extension Endpoint {
    /// Parses an endpoint from untrusted text.
    ///
    /// - `host:port`, `host:service`, `192.0.2.7:80`, `[::1]:80` or `[fe80::1%eth0]:80` is a port
    ///   of a host, reached over `transport`. IPv6 addresses need brackets.
    /// - `:80` is a port without a host, which means every interface when listening.
    /// - `tcp://` or `udp://` before any of these selects the transport.
    /// - `unix:/run/app.sock`, `unix:///run/app.sock` or `unix:@abstract` is a Unix stream socket.
    ///   `unixgram:` and `unixpacket:` select the other types of Unix sockets. If `transport` is a
    ///   Unix transport, the path alone is enough.
    ///
    /// In a path, `\xNN` stands for the byte with that hexadecimal value. ``description`` writes
    /// control characters in this form.
    ///
    /// ```swift
    /// let endpoint = try Endpoint(parsing: "tcp://www.example.com:http")
    /// ```
    ///
    /// - Parameters:
    ///   - text: The endpoint.
    ///   - transport: The transport if the text does not name one.
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the text is not an endpoint. The error
    ///   names the text. The host and the service are looked up later, so they need not exist yet.
    public init(parsing text: String, transport: Transport = .tcp) throws(SocketError) {
        let (scheme, rest) = try Self.scheme(of: text)
        let transport = scheme ?? transport
        if transport.isUnix {
            self = try Self.unix(transport, rest.utf8, of: text)
        } else {
            let (host, port) = try Self.hostAndPort(rest, of: text)
            self = transport == .udp ? .udp(host, port: port) : .tcp(host, port: port)
        }
    }

    /// Returns the transport that the text names, and the text after the scheme.
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
        // `tcp` can also be a host name, so only `tcp://` is a scheme.
        guard rest.utf8.starts(with: "//".utf8) else { return (nil, text[...]) }
        guard let known else {
            let names = Transport.allCases.map { "\($0)" }.joined(separator: ", ")
            throw failure(text, "\(TerminalText.quoted(word, limit: 30)) is not one of \(names)")
        }
        return (known, Substring(rest.utf8.dropFirst(2)))
    }

    private static func unix(
        _ transport: Transport, _ name: Substring.UTF8View, of text: String
    ) throws(SocketError) -> Endpoint {
        // `unix:///run/app.sock` is a URL with an empty host. Any other host is rejected, because a
        // Unix socket has no host.
        var name = name
        if name.starts(with: "//".utf8) {
            name = name.dropFirst(2)
            guard name.first == UInt8(ascii: "/") else {
                throw failure(text, "expected a path after \(transport)://")
            }
        }
        var bytes = TerminalText.bytes(unescaping: name)
        // An escaped at sign is part of a path. Prepend `./`, because an at sign at the beginning
        // would mark an abstract name.
        let at = UInt8(ascii: "@")
        if bytes.first == at, name.first != at { bytes = Array("./".utf8) + bytes }
        guard UnixAddress(markedBytes: bytes) != nil else {
            throw failure(text, UnixAddress.expectation)
        }
        return Endpoint(transport, pathBytes: bytes)
    }

    private static func hostAndPort(
        _ place: Substring, of text: String
    ) throws(SocketError) -> (host: String, port: Port) {
        guard let colon = place.utf8.lastIndex(of: UInt8(ascii: ":")) else {
            throw failure(text, "expected HOST:PORT, [IPV6]:PORT or unix:PATH")
        }
        let host = try Self.host(place[..<colon], of: text)
        let port = String(place[place.utf8.index(after: colon)...])
        guard let port = Port(validating: port) else {
            throw failure(text, "\(TerminalText.quoted(port)) is not a port: \(Port.expectation)")
        }
        return (host, port)
    }

    private static func host(_ shown: Substring, of text: String) throws(SocketError) -> String {
        if shown.isEmpty { return "" }
        if shown.utf8.first == UInt8(ascii: "["), shown.utf8.last == UInt8(ascii: "]") {
            let address = String(shown.dropFirst().dropLast())
            guard IPv6Address(address) != nil else {
                throw failure(text, "\(TerminalText.quoted(address)) is not an IPv6 address")
            }
            return address
        }
        let host = String(shown)
        if host.utf8.contains(UInt8(ascii: ":")) || host.utf8.contains(UInt8(ascii: "[")) {
            throw failure(text, "an IPv6 address needs brackets, as in [::1]:80")
        }
        if let problem = HostName.problem(with: host) {
            throw failure(text, "\(TerminalText.quoted(host)) is not a host: \(problem)")
        }
        return host
    }

    private static func failure(_ text: String, _ reason: String) -> SocketError {
        SocketError(.parse, .invalidInput(reason), subject: "endpoint \(TerminalText.quoted(text))")
    }
}
