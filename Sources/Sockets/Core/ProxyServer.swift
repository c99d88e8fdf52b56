/// One proxy: its protocol, its endpoint, and the credentials of the client.
struct ProxyServer: Hashable, Sendable {
    /// The protocol of a proxy, named by the scheme of its URLs.
    enum Scheme: String {
        case http, socks4, socks4a, socks5
    }

    let scheme: Scheme
    let endpoint: Endpoint
    let user: String?
    let password: String

    init(_ scheme: Scheme, _ endpoint: Endpoint, user: String? = nil, password: String = "") {
        self.scheme = scheme
        self.endpoint = endpoint
        self.user = user
        self.password = password
    }

    /// A Boolean value that indicates whether the proxy resolves names.
    var resolvesNames: Bool { scheme != .socks4 }

    /// A Boolean value that indicates whether the protocol is SOCKS4 or SOCKS4a, which have no IPv6
    /// addresses.
    var isSOCKS4: Bool { scheme == .socks4 || scheme == .socks4a }

    /// The reason why the protocol cannot transfer the credentials, for an error text; `nil` if it
    /// can transfer them.
    var problem: String? {
        guard let user else { return nil }
        switch scheme {
        case .socks5:
            if !(1...255).contains(user.utf8.count) { return "the user must have 1 to 255 bytes" }
            return password.utf8.count > 255 ? "the password must have at most 255 bytes" : nil
        case .socks4, .socks4a:
            return user.utf8.contains(0) ? "the user must not contain a NUL" : nil
        case .http:
            if user.utf8.contains(UInt8(ascii: ":")) { return "the user must not contain a colon" }
            let isPlain = (user + password).utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
            return isPlain ? nil : "the user and the password must not contain control characters"
        }
    }
}

extension ProxyServer: CustomStringConvertible, CustomReflectable {
    /// The scheme and the endpoint, without the user and the password.
    var description: String {
        // The description of an endpoint begins with `tcp://` if the host is called `unix`.
        let place = "\(endpoint)"
        let prefix = "tcp://"
        return
            "\(scheme)://\(place.hasPrefix(prefix) ? String(place.dropFirst(prefix.count)) : place)"
    }

    /// A mirror without the user and the password, so that `dump` does not print them.
    var customMirror: Mirror { Mirror(self, children: []) }
}

// MARK: Parsing

extension ProxyServer {
    /// The port of a proxy whose text contains no port, as in curl.
    private static let usualPort = 1080

    /// Parses a proxy from text that the program passes, or from the value of the environment
    /// variable `variable`.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the text is not a proxy. The error shows
    ///   neither the user nor the password.
    init(parsing text: String, from variable: String?) throws(SocketError) {
        var name = "http"
        var rest = text[...]
        if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")),
            text[colon...].utf8.starts(with: "://".utf8)
        {
            name = text[..<colon].lowercased()
            rest = Substring(text[colon...].utf8.dropFirst(3))
        }
        // Split at the last `@`, so that no error shows a part of a password that contains `@` or
        // `/`.
        var credentials: Substring?
        if let at = rest.utf8.lastIndex(of: UInt8(ascii: "@")) {
            credentials = rest[..<at]
            rest = Substring(rest[at...].utf8.dropFirst())
        }
        let place = String(Substring(rest.utf8.prefix { !"/?#".utf8.contains($0) }))

        func failure(_ reason: String) -> SocketError {
            let shown = TerminalText.quoted("\(name)://\(place)")
            let source = variable.map { " of the variable \($0)" } ?? ""
            return SocketError(.parse, .invalidInput(reason), subject: "proxy \(shown)\(source)")
        }
        guard let scheme = Scheme(rawValue: name == "socks5h" ? "socks5" : name) else {
            throw failure(
                name == "https"
                    ? "TLS to a proxy is not supported: expected http, socks4, socks4a or socks5"
                    : "expected http, socks4, socks4a, socks5 or socks5h before ://")
        }
        let endpoint: Endpoint
        do throws(SocketError) {
            // `tcp://` prevents the parser from taking a host such as `unix` for a scheme.
            let colon = UInt8(ascii: ":")
            let hasPort = place.utf8.last != UInt8(ascii: "]") && place.utf8.contains(colon)
            endpoint = try Endpoint(
                parsing: "tcp://" + (hasPort ? place : "\(place):\(Self.usualPort)"))
        } catch {
            throw failure("\(error.cause)")
        }
        guard endpoint.host?.isEmpty == false else { throw failure("expected a host") }
        var parts: [String]?
        if let credentials {
            let texts = credentials.utf8.split(
                separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = texts.compactMap(Self.decoded)
            guard decoded.count == texts.count else {
                throw failure("expected UTF-8 in the escapes of the user and the password")
            }
            parts = decoded
        }
        // An empty user without a password is the same as no user.
        let user = parts == [""] ? nil : parts?.first
        self.init(scheme, endpoint, user: user, password: parts?.dropFirst().first ?? "")
    }

    /// Returns the text with `%NN` replaced by the byte with this hexadecimal value (RFC 3986), or
    /// `nil` if the result is not UTF-8.
    private static func decoded(_ text: Substring.UTF8View) -> String? {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap { Hexadecimal.value(of: $0) }
            if byte == UInt8(ascii: "%"), digits.count == 2 {
                bytes.append(digits[0] << 4 | digits[1])
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
