/// A proxy, or several proxies in a row, through which a connection reaches its peer.
///
/// ```swift
/// let connection = try await Connection(
///     to: .tcp("db.example", port: 5432),
///     options: .init(through: .socks5(.tcp("proxy.example", port: 1080))))
/// ```
///
/// An array literal is a chain. Each proxy connects to the next one, and the last one to the peer:
///
/// ```swift
/// options.through = [
///     .httpConnect(.tcp("office.example", port: 3128), user: "alice", password: password),
///     .socks5(.tcp("far.example", port: 1080)),
/// ]
/// ```
///
/// This machine resolves only the name of the first proxy, and each proxy resolves the name of the
/// next destination. The exception is ``socks4(_:user:)``, because the protocol of such a proxy
/// transfers only addresses. A proxy reaches only TCP endpoints. Each proxy sees the passwords for
/// later proxies, and all bytes of a connection without TLS.
public struct Proxy: Hashable, Sendable {
    /// A proxy of the chain.
    enum Part: Hashable {
        case server(ProxyServer)
        /// The proxy that the environment specifies for the destination.
        case environment
    }

    let parts: [Part]

    /// Returns a SOCKS5 proxy (RFC 1928).
    ///
    /// - Parameters:
    ///   - endpoint: The proxy's endpoint: TCP, or a Unix stream for the first proxy of a chain.
    ///   - user: The user of 1 to 255 bytes (RFC 1929), or `nil` to connect without authentication.
    ///     The proxy decides whether to authenticate the client. If so, the proxy receives the
    ///     password unencrypted.
    ///   - password: The password of at most 255 bytes.
    /// - Returns: The proxy.
    public static func socks5(
        _ endpoint: Endpoint, user: String? = nil, password: String = ""
    ) -> Proxy {
        Proxy(ProxyServer(.socks5, endpoint, user: user, password: password))
    }

    /// Returns a SOCKS4 proxy that resolves names (SOCKS4a).
    ///
    /// SOCKS4 cannot connect to IPv6 addresses. The request for an IPv4 address is the same as with
    /// ``socks4(_:user:)``.
    ///
    /// - Parameters:
    ///   - endpoint: The proxy's endpoint: TCP, or a Unix stream for the first proxy of a chain.
    ///   - user: The user, which contains no NUL. The protocol has no password.
    /// - Returns: The proxy.
    public static func socks4a(_ endpoint: Endpoint, user: String = "") -> Proxy {
        Proxy(ProxyServer(.socks4a, endpoint, user: user))
    }

    /// Returns a SOCKS4 proxy that does not resolve names.
    ///
    /// This machine resolves the name of the destination to an IPv4 address, so a name server
    /// learns the name.
    ///
    /// - Parameters:
    ///   - endpoint: The proxy's endpoint: TCP, or a Unix stream for the first proxy of a chain.
    ///   - user: The user, which contains no NUL. The protocol has no password.
    /// - Returns: The proxy.
    public static func socks4(_ endpoint: Endpoint, user: String = "") -> Proxy {
        Proxy(ProxyServer(.socks4, endpoint, user: user))
    }

    /// Returns an HTTP proxy, which connects with the method CONNECT (RFC 9110, section 9.3.6).
    ///
    /// - Parameters:
    ///   - endpoint: The proxy's endpoint: TCP, or a Unix stream for the first proxy of a chain.
    ///   - user: The user for the Basic scheme (RFC 7617), or `nil` to connect without
    ///     authentication. The user contains no colon. The proxy receives the password unencrypted.
    ///   - password: The password, which contains no control characters.
    /// - Returns: The proxy.
    public static func httpConnect(
        _ endpoint: Endpoint, user: String? = nil, password: String = ""
    ) -> Proxy {
        Proxy(ProxyServer(.http, endpoint, user: user, password: password))
    }

    /// The proxy that the environment specifies for the destination, if any.
    ///
    /// An environment variable specifies the proxy. The destination's port selects the variable:
    ///
    /// - `http_proxy` for port 80.
    /// - `https_proxy` for port 443.
    /// - `all_proxy` for every other port. It also applies to ports 80 and 443 if their own
    ///   variable is not set.
    ///
    /// If a variable is not set, the variable with the same name in capitals is used, as in curl
    /// and Python. `HTTP_PROXY` is ignored if `REQUEST_METHOD` is set, as in Python, because a
    /// client of a CGI program can set `HTTP_PROXY`. The value has the form of ``init(parsing:)``.
    /// An empty variable counts as not set.
    ///
    /// `no_proxy` or `NO_PROXY` lists the destinations to connect to directly, separated by commas
    /// or spaces. As in curl, an entry is `*` for all destinations, a name for a host and its
    /// subdomains, an address, or an ``IPPrefix``. As in Python, `:` and a port may follow. Names
    /// are not resolved for the comparison. A connect to `localhost` uses the proxy too, unless the
    /// list contains it.
    ///
    /// The environment has no effect on endpoints that no proxy reaches: Unix sockets, UDP, an
    /// endpoint without a host, and an IPv6 address with a zone. The variables are read at each
    /// connect.
    public static let fromEnvironment = Proxy(parts: [.environment])

    /// Creates a chain of proxies, starting with the proxy nearest to this machine.
    ///
    /// - Parameter proxies: The proxies. An empty chain connects directly.
    public init(_ proxies: [Proxy]) { parts = proxies.flatMap(\.parts) }

    private init(_ server: ProxyServer) { parts = [.server(server)] }

    private init(parts: [Part]) { self.parts = parts }

    /// Parses a proxy from untrusted text, such as `socks5://alice:secret@proxy.example:1080`.
    ///
    /// The scheme is `http`, `socks4`, `socks4a`, `socks5` or `socks5h`, and `http` if there is
    /// none. `socks5` and `socks5h` are the same, because a SOCKS5 proxy always resolves names; for
    /// `socks5`, curl and Python resolve names on this machine. The port is 1080 if there is none,
    /// as in curl. The user and the password may contain `%NN`, and must be UTF-8. A path after the
    /// port is ignored.
    ///
    /// - Parameter text: The proxy.
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the text is not a proxy. The error names
    ///   the text without the user and the password.
    public init(parsing text: String) throws(SocketError) {
        self.init(try ProxyServer(parsing: text, from: nil))
    }
}

extension Proxy: ExpressibleByArrayLiteral {
    /// Creates a chain of proxies, starting with the proxy nearest to this machine.
    ///
    /// An empty chain connects directly.
    public init(arrayLiteral proxies: Proxy...) { self.init(proxies) }
}

extension Proxy: CustomStringConvertible {
    /// The proxies in order, such as `http://office.example:3128, socks5://far.example:1080`,
    /// without users and passwords.
    public var description: String {
        parts.map { part in
            switch part {
            case .server(let server): "\(server)"
            case .environment: "the environment"
            }
        }.joined(separator: ", ")
    }
}

// MARK: The steps of a connect

extension Proxy {
    /// Returns the steps of a connect to an endpoint, or no steps for a direct connect.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if a proxy cannot reach its destination, or
    ///   if a variable of the environment is malformed.
    func hops(
        to endpoint: Endpoint, _ environment: ProxyEnvironment = .process
    ) throws(SocketError) -> [ProxyHop] {
        var hops: [ProxyHop] = []
        var destination = endpoint
        for part in parts.reversed() {
            let server: ProxyServer
            switch part {
            case .server(let given): server = given
            case .environment:
                guard let found = try environment.server(for: destination) else { continue }
                server = found
            }
            let hop = ProxyHop(server: server, destination: destination)
            guard destination.transport == .tcp else {
                throw hop.failure(.invalidInput("a proxy can connect only to tcp:// endpoints"))
                    .connecting(to: endpoint)
            }
            hops.insert(hop, at: 0)
            destination = server.endpoint
        }
        if let first = hops.first, first.server.endpoint.transport.socketType != .stream {
            throw first.failure(.invalidInput("its endpoint must be tcp:// or unix:"))
                .connecting(to: endpoint)
        }
        return hops
    }
}

extension Endpoint {
    /// Creates the endpoint that names a resolved address, or returns `nil` if no endpoint can name
    /// it.
    init?(_ address: SocketAddress, _ type: SocketType) {
        switch (address, type) {
        case (.ipv4, .stream), (.ipv6, .stream):
            guard let ip = address.ip, let port = address.port else { return nil }
            self = .tcp(ip, port: port)
        case (.ipv4, .datagram), (.ipv6, .datagram):
            guard let ip = address.ip, let port = address.port else { return nil }
            self = .udp(ip, port: port)
        case (.unix(let name), _):
            let mark: [UInt8] = name.kind == .abstract ? [UInt8(ascii: "@")] : []
            let transports = Transport.allCases.filter(\.isUnix)
            guard let transport = transports.first(where: { $0.socketType == type }) else {
                return nil
            }
            self.init(transport, pathBytes: mark + name.bytes)
        default: return nil
        }
    }
}
