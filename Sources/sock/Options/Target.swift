import Sockets

/// The parser of operands that name an endpoint, in the forms that nc's users know.
enum Target {
    /// Returns the endpoint of `HOST PORT`, `HOST:PORT` or a URL, or of a path with `-U`.
    static func toConnect(
        _ words: [String], udp: Bool, unix: Bool, escaped: Set<String> = []
    ) throws(UsageError) -> Endpoint {
        if !unix { try ForeignForm.check(words) }
        switch (unix, words.count) {
        case (_, 0):
            throw UsageError("expected HOST PORT, HOST:PORT or a URL; see sock --help")
        case (true, 1):
            return path(words[0], udp: udp, isEscaped: escaped.contains(words[0]))
        case (true, _):
            throw UsageError("unexpected argument \(quoted(words[1])): -U needs only a path")
        case (false, 1):
            return try whole(words[0], udp: udp, isEscaped: escaped.contains(words[0]))
        case (false, 2):
            return try hostAndPort(words[0], words[1], udp: udp)
        default:
            if Subcommand(rawValue: words[0]) == nil,
                let command = Subcommand.similar(to: words[0])
            {
                throw UsageError(
                    "there is no command \(quoted(words[0])); did you mean sock"
                        + " \(command.rawValue)?")
            }
            throw UsageError(
                "unexpected argument \(quoted(words[2])): expected one host and one port"
                    + (ForeignForm.severalPorts(words.dropFirst()).map { "; \($0)" } ?? ""))
        }
    }

    /// Returns the endpoint of `PORT`, `ADDR PORT`, `ADDR:PORT`, a URL or `-p PORT [ADDR]`, or of a
    /// path with `-U`.
    static func toListen(
        _ words: [String], port: String?, source: String?, udp: Bool, unix: Bool,
        escaped: Set<String> = []
    ) throws(UsageError) -> Endpoint {
        if unix {
            if port != nil || source != nil { throw UsageError(portOfUnix) }
            return try toConnect(words, udp: udp, unix: true, escaped: escaped)
        }
        var words = words
        if let port {
            guard words.count < 2 else {
                throw UsageError(
                    "-p \(quoted(port)) and \(quoted(words[1])) are two ports: give only one")
            }
            words.append(port)
        }
        try ForeignForm.check(words, listens: true)
        if let source {
            guard words.count < 2 else {
                throw UsageError(
                    "-s \(quoted(source)) and \(quoted(words[0])) are two addresses: give only one")
            }
            words.insert(source, at: 0)
        }
        switch words.count {
        case 0:
            throw UsageError(
                "the port is missing: expected a port such as 8080, or 0 for a free port")
        case 1:
            if words[0].contains(":") || words[0].contains("/") {
                return try whole(words[0], udp: udp, isEscaped: escaped.contains(words[0]))
            }
            return endpoint("", try self.port(words[0]), udp: udp)
        case 2:
            let host = words[0].isEmpty || words[0] == "*" ? "" : try hostBeforePort(words[0])
            return endpoint(host, try self.port(words[1]), udp: udp)
        default:
            throw UsageError(
                "unexpected argument \(quoted(words[2])): expected one address and one port;"
                    + " for several, run one sock -l for each")
        }
    }

    private static func hostAndPort(
        _ host: String, _ port: String, udp: Bool
    ) throws(UsageError) -> Endpoint {
        endpoint(try hostBeforePort(host), try self.port(port), udp: udp)
    }

    /// Returns the host in the word before the port, or throws an error if this word has a port
    /// too.
    private static func hostBeforePort(_ word: String) throws(UsageError) -> String {
        let hasPort = ((try? Endpoint(parsing: word))?.host ?? (isTLS(word) ? word : nil)) != nil
        if hasPort {
            throw UsageError("\(quoted(word)) already has a port: expected HOST PORT or HOST:PORT")
        }
        return try host(word)
    }

    /// Returns the port for a number or a service name, and accepts no other text.
    static func port(_ text: String) throws(UsageError) -> Port {
        do throws(SocketError) {
            return try Port(parsing: text)
        } catch {
            throw UsageError("\(error)")
        }
    }

    /// Returns the host without the brackets that an IPv6 address has before a colon.
    static func host(_ text: String) throws(UsageError) -> String {
        if text.isEmpty { throw UsageError("the host is empty; expected a name or an address") }
        guard text.hasPrefix("["), text.hasSuffix("]") else { return text }
        let inner = String(text.dropFirst().dropLast())
        guard IPv6Address(inner) != nil else {
            throw UsageError("\(quoted(text)) is not an IPv6 address in brackets")
        }
        return inner
    }

    /// Returns whether the word is a URL that requests TLS.
    static func isTLS(_ word: String) -> Bool { word.prefix(6).lowercased() == "tls://" }

    /// Returns the endpoint of a URL that requests TLS, which the library does not parse.
    private static func ofTLS(_ word: String, udp: Bool) throws(UsageError) -> Endpoint {
        if udp { throw UsageError("-u means UDP, but \(quoted(word)) means TLS over TCP") }
        do throws(SocketError) {
            return try Endpoint(parsing: "tcp://\(word.dropFirst(6))")
        } catch {
            throw UsageError("\(error)".replacing("'tcp://", with: "'tls://"))
        }
    }

    private static func whole(
        _ word: String, udp: Bool, isEscaped: Bool
    ) throws(UsageError) -> Endpoint {
        if isTLS(word) { return try ofTLS(word, udp: udp) }
        if !word.contains(where: { ":/@".contains($0) }) {
            let command = Subcommand.similar(to: word).map { "; did you mean sock \($0.rawValue)?" }
            throw UsageError(
                "\(quoted(word)) has no port: expected HOST PORT or HOST:PORT" + (command ?? ""))
        }
        let endpoint: Endpoint
        do throws(SocketError) {
            // A backslash in a path is an ordinary character for the user but begins an escape for
            // the parser, so escape it.
            let isPath = !isEscaped && (word.hasPrefix("unix") || word.contains("/"))
            endpoint = try Endpoint(
                parsing: isPath ? TerminalText.escaped(word) : word,
                transport: udp ? .udp : .tcp)
        } catch {
            throw UsageError("\(error)")
        }
        switch (udp, endpoint.transport) {
        case (true, .tcp):
            throw UsageError("-u means UDP, but \(quoted(word)) means TCP")
        case (true, .unix):
            return Endpoint(.unixDatagram, pathBytes: endpoint.pathBytes ?? [])
        case (true, .unixSequencedPacket), (false, .unixSequencedPacket):
            throw UsageError(
                "\(quoted(word)) is not supported; use a stream (unix:) or datagrams (unixgram:)")
        default:
            return endpoint
        }
    }

    private static func path(_ path: String, udp: Bool, isEscaped: Bool) -> Endpoint {
        let bytes = isEscaped ? TerminalText.bytes(unescaping: path.utf8) : Array(path.utf8)
        return Endpoint(udp ? .unixDatagram : .unix, pathBytes: bytes)
    }

    private static func endpoint(_ host: String, _ port: Port, udp: Bool) -> Endpoint {
        udp ? .udp(host, port: port) : .tcp(host, port: port)
    }

    /// The error about `-p` and `-s` for a Unix socket.
    static let portOfUnix =
        "-p and -s need TCP or UDP; a Unix socket has neither a port nor an IP address"

    private static func quoted(_ word: String) -> String {
        TerminalText.quoted(word)
    }
}

extension Endpoint {
    /// A Boolean value that indicates whether the endpoint exchanges datagrams, which have no end
    /// of stream.
    var isDatagram: Bool {
        transport == .udp || transport == .unixDatagram
    }
}
