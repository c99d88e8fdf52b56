import Sockets

/// The words that say where to, read as nc's users write them.
enum Target {
    /// `HOST PORT`, `HOST:PORT`, a URL, or with `-U` a path.
    static func toConnect(
        _ words: [String], udp: Bool, unix: Bool
    ) throws(UsageError) -> Endpoint {
        switch (unix, words.count) {
        case (_, 0):
            throw UsageError("where to? Give HOST PORT, HOST:PORT or a URL; sock --help tells more")
        case (true, 1):
            return path(words[0], udp: udp)
        case (true, _):
            throw UsageError("-U takes one word, the path; \(shown(words[1])) is too much")
        case (false, 1):
            return try whole(words[0], udp: udp)
        case (false, 2):
            return try hostAndPort(words[0], words[1], udp: udp)
        default:
            throw UsageError("one host and one port at a time; \(shown(words[2])) is too much")
        }
    }

    /// `PORT`, `ADDR PORT`, `ADDR:PORT`, a URL, `-p PORT [ADDR]`, or with `-U` a path.
    static func toListen(
        _ words: [String], port: String?, source: String?, udp: Bool, unix: Bool
    ) throws(UsageError) -> Endpoint {
        if unix { return try toConnect(words, udp: udp, unix: true) }
        var words = words
        if let port { words.append(port) }
        if let source {
            guard words.count < 2 else {
                throw UsageError(
                    "-s \(shown(source)) and \(shown(words[0])): one address is enough")
            }
            words.insert(source, at: 0)
        }
        switch words.count {
        case 0:
            throw UsageError("on which port? Give one, such as: sock -l 8080; 0 takes a free one")
        case 1:
            if words[0].contains(":") || words[0].contains("/") {
                return try whole(words[0], udp: udp)
            }
            return endpoint("", try self.port(words[0]), udp: udp)
        case 2:
            let host = words[0].isEmpty || words[0] == "*" ? "" : try self.host(words[0])
            return endpoint(host, try self.port(words[1]), udp: udp)
        default:
            throw UsageError("one address and one port; \(shown(words[2])) is too much")
        }
    }

    /// `HOST PORT` for verbs that know nothing else.
    static func hostAndPort(
        _ host: String, _ port: String, udp: Bool
    ) throws(UsageError) -> Endpoint {
        endpoint(try self.host(host), try self.port(port), udp: udp)
    }

    /// A port's number or a service's name, strictly.
    static func port(_ text: String) throws(UsageError) -> Port {
        do throws(SocketError) {
            return try Port(parsing: text)
        } catch {
            throw UsageError("\(error)")
        }
    }

    /// A host may wear the brackets that it needs in front of a colon.
    private static func host(_ text: String) throws(UsageError) -> String {
        if text.isEmpty { throw UsageError("the host is empty: expected a name or an address") }
        guard text.hasPrefix("["), text.hasSuffix("]") else { return text }
        let inner = String(text.dropFirst().dropLast())
        guard IPv6Address(inner) != nil else {
            throw UsageError("\(shown(text)): expected an IPv6 address between the brackets")
        }
        return inner
    }

    private static func whole(_ word: String, udp: Bool) throws(UsageError) -> Endpoint {
        if !word.contains(where: { ":/@".contains($0) }) {
            throw UsageError("\(shown(word)) needs a port: HOST PORT, or HOST:PORT")
        }
        let endpoint: Endpoint
        do throws(SocketError) {
            endpoint = try Endpoint(word, transport: udp ? .udp : .tcp)
        } catch {
            throw UsageError("\(error)")
        }
        switch (udp, endpoint.transport) {
        case (true, .tcp):
            throw UsageError("-u asks for UDP and \(shown(word)) for TCP")
        case (true, .unix):
            return .unixDatagram(endpoint.path ?? "")
        case (true, .unixSequencedPacket), (false, .unixSequencedPacket):
            throw UsageError(
                "\(shown(word)): sock speaks streams (unix:) and datagrams (unixgram:)")
        default:
            return endpoint
        }
    }

    private static func path(_ path: String, udp: Bool) -> Endpoint {
        udp ? .unixDatagram(path) : .unix(path)
    }

    private static func endpoint(_ host: String, _ port: Port, udp: Bool) -> Endpoint {
        udp ? .udp(host, port: port) : .tcp(host, port: port)
    }

    private static func shown(_ word: String) -> String {
        TerminalText.quoted(word)
    }
}

extension Endpoint {
    /// Whether messages are sent that the kernel keeps apart, and that nobody ends.
    var isDatagram: Bool {
        transport == .udp || transport == .unixDatagram
    }
}
