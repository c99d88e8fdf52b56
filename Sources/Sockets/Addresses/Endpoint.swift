/// A destination that is not yet resolved: a host and a port, or a Unix socket.
///
/// ```swift
/// let web: Endpoint = .tcp("www.example.com", port: "http")
/// let everywhere: Endpoint = .tcp(port: 51423)
/// let local: Endpoint = .unix("/run/app.sock")
/// ```
///
/// Creating an endpoint validates nothing. An operation that uses the endpoint fails if the host
/// does not exist, the service is unknown, or the path is too long. To validate untrusted text, use
/// ``init(parsing:transport:)``.
public struct Endpoint: Hashable, Sendable {
    private enum Place: Hashable {
        case host(String, Port)
        /// The bytes of a path, or `@` and an abstract name.
        case path([UInt8])
    }

    /// The transport that reaches the endpoint.
    public let transport: Transport

    private let place: Place

    private init(_ transport: Transport, _ place: Place) {
        self.transport = transport
        self.place = place
    }

    /// The host's name or numeric address, without brackets; `nil` for Unix endpoints.
    ///
    /// An empty host means every interface when listening, and this machine when connecting.
    public var host: String? {
        guard case .host(let host, _) = place else { return nil }
        return host
    }

    /// The port; `nil` for Unix endpoints.
    public var port: Port? {
        guard case .host(_, let port) = place else { return nil }
        return port
    }

    /// The path of a Unix endpoint, or `@` and an abstract name; `nil` for other endpoints.
    ///
    /// Bytes of the path that are not UTF-8 appear as U+FFFD. The description of the endpoint shows
    /// them as `\xNN`, and ``init(parsing:transport:)`` accepts them in this form.
    public var path: String? {
        pathBytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The path of a Unix endpoint as bytes, or `@` and an abstract name; `nil` otherwise.
    package var pathBytes: [UInt8]? {
        guard case .path(let path) = place else { return nil }
        return path
    }
}

// MARK: Making endpoints

extension Endpoint {
    /// Creates an endpoint for a TCP port of a host.
    ///
    /// - Parameters:
    ///   - host: A name or a numeric address. An empty host means every interface when listening,
    ///     and this machine when connecting.
    ///   - port: A number literal, or the name of a service.
    /// - Returns: The endpoint.
    public static func tcp(_ host: String = "", port: Port) -> Endpoint {
        Endpoint(.tcp, .host(host, port))
    }

    /// Creates an endpoint for a UDP port of a host.
    ///
    /// - Parameters:
    ///   - host: A name or a numeric address. An empty host means every interface when receiving,
    ///     and this machine when sending.
    ///   - port: A number literal, or the name of a service.
    /// - Returns: The endpoint.
    public static func udp(_ host: String = "", port: Port) -> Endpoint {
        Endpoint(.udp, .host(host, port))
    }

    /// Creates an endpoint for a TCP port of a host from a port number of type `UInt16`.
    ///
    /// - Parameters:
    ///   - host: A name or a numeric address. An empty host means every interface when listening,
    ///     and this machine when connecting.
    ///   - port: The port's number.
    /// - Returns: The endpoint.
    @_disfavoredOverload  // Otherwise a literal would be ambiguous.
    public static func tcp(_ host: String = "", port: UInt16) -> Endpoint {
        .tcp(host, port: Port(port))
    }

    /// Creates an endpoint for a UDP port of a host from a port number of type `UInt16`.
    ///
    /// - Parameters:
    ///   - host: A name or a numeric address. An empty host means every interface when receiving,
    ///     and this machine when sending.
    ///   - port: The port's number.
    /// - Returns: The endpoint.
    @_disfavoredOverload  // Otherwise a literal would be ambiguous.
    public static func udp(_ host: String = "", port: UInt16) -> Endpoint {
        .udp(host, port: Port(port))
    }

    /// Creates an endpoint for a TCP port of a numeric address.
    ///
    /// - Parameters:
    ///   - ip: The address.
    ///   - port: The port's number.
    /// - Returns: The endpoint.
    public static func tcp(_ ip: IPAddress, port: UInt16) -> Endpoint {
        .tcp(ip.description, port: Port(port))
    }

    /// Creates an endpoint for a UDP port of a numeric address.
    ///
    /// - Parameters:
    ///   - ip: The address.
    ///   - port: The port's number.
    /// - Returns: The endpoint.
    public static func udp(_ ip: IPAddress, port: UInt16) -> Endpoint {
        .udp(ip.description, port: Port(port))
    }

    /// Creates an endpoint for a Unix stream socket.
    ///
    /// - Parameter path: The path, or `@` and an abstract name.
    /// - Returns: The endpoint.
    public static func unix(_ path: String) -> Endpoint {
        Endpoint(.unix, .path(Array(path.utf8)))
    }

    /// Creates an endpoint for a Unix datagram socket.
    ///
    /// - Parameter path: The path, or `@` and an abstract name.
    /// - Returns: The endpoint.
    public static func unixDatagram(_ path: String) -> Endpoint {
        Endpoint(.unixDatagram, .path(Array(path.utf8)))
    }

    /// Creates an endpoint for a Unix sequenced-packet socket.
    ///
    /// - Parameter path: The path, or `@` and an abstract name.
    /// - Returns: The endpoint.
    public static func unixSequencedPacket(_ path: String) -> Endpoint {
        Endpoint(.unixSequencedPacket, .path(Array(path.utf8)))
    }

    /// Creates an endpoint for a Unix socket from the bytes of a path, or of `@` and an abstract
    /// name.
    ///
    /// - Parameters:
    ///   - transport: One of the Unix transports.
    ///   - pathBytes: The bytes, which need not be UTF-8.
    package init(_ transport: Transport, pathBytes: [UInt8]) {
        self.init(transport, .path(pathBytes))
    }
}

// MARK: Text

extension Endpoint: CustomStringConvertible {
    /// The text that ``init(parsing:transport:)`` parses: `www.example.com:http`, `[::1]:80`,
    /// `:51423` without a host, `udp://localhost:53`, `unix:/run/app.sock`.
    ///
    /// Control characters appear as `\xNN`, so the text is safe in a terminal.
    public var description: String {
        switch place {
        case .host(let host, let port):
            let shown = TerminalText.escaped(host)
            let bracketed = host.utf8.contains(UInt8(ascii: ":")) ? "[\(shown)]" : shown
            return "\(prefix)\(bracketed):\(port)"
        case .path(let path):
            // Without the extra slashes, the parser would read a path that begins with `//` as a
            // URL with a host.
            let slashes = path.starts(with: "//".utf8) ? "//" : ""
            return "\(transport):\(slashes)\(TerminalText.escaped(path))"
        }
    }

    /// The scheme and the slashes before the host.
    ///
    /// For TCP, the prefix is empty, except that it is `tcp://` if the host has the name of a Unix
    /// scheme. Otherwise, a text such as `unix:80` would be parsed as a path.
    private var prefix: String {
        guard transport == .tcp else { return "\(transport)://" }
        let reserved = ["unix", "unixgram", "unixpacket"]
        return host.map { reserved.contains($0.lowercased()) } == true ? "tcp://" : ""
    }
}
