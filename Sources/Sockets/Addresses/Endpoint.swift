/// Where to, before any name was looked up: a host and a port, or a name on this machine.
///
/// ```swift
/// let web: Endpoint = .tcp("www.example.com", port: "http")
/// let everywhere: Endpoint = .tcp(port: 51423)
/// let local: Endpoint = .unix("/run/app.sock")
/// ```
///
/// Nothing is checked here: whether a host exists, a service is known or a path fits is found out
/// when the endpoint is used. Text from outside is read and checked with ``init(_:transport:)``.
public struct Endpoint: Hashable, Sendable {
    private enum Place: Hashable {
        case host(String, Port)
        case path(String)
    }

    /// How bytes travel to the endpoint.
    public let transport: Transport

    private let place: Place

    private init(_ transport: Transport, _ place: Place) {
        self.transport = transport
        self.place = place
    }

    /// The host's name or numeric address, without brackets; empty for every interface; `nil` for
    /// Unix endpoints.
    public var host: String? {
        guard case .host(let host, _) = place else { return nil }
        return host
    }

    /// The port; `nil` for Unix endpoints.
    public var port: Port? {
        guard case .host(_, let port) = place else { return nil }
        return port
    }

    /// The path of a Unix endpoint, or `@` and an abstract name; `nil` for the others.
    public var path: String? {
        guard case .path(let path) = place else { return nil }
        return path
    }
}

// MARK: Making endpoints

extension Endpoint {
    /// A TCP port of a host, given by name or numeric address.
    ///
    /// The empty host means every interface of this machine when listening, and this machine
    /// itself when connecting.
    public static func tcp(_ host: String = "", port: Port) -> Endpoint {
        Endpoint(.tcp, .host(host, port))
    }

    /// A TCP port of a machine whose address is known.
    public static func tcp(_ ip: IPAddress, port: UInt16) -> Endpoint {
        .tcp(ip.description, port: Port(port))
    }

    /// A UDP port of a host, given by name or numeric address.
    ///
    /// The empty host means every interface of this machine when receiving, and this machine
    /// itself when sending.
    public static func udp(_ host: String = "", port: Port) -> Endpoint {
        Endpoint(.udp, .host(host, port))
    }

    /// A UDP port of a machine whose address is known.
    public static func udp(_ ip: IPAddress, port: UInt16) -> Endpoint {
        .udp(ip.description, port: Port(port))
    }

    /// A stream socket on this machine, by its path; after `@` an abstract name.
    public static func unix(_ path: String) -> Endpoint {
        Endpoint(.unix, .path(path))
    }

    /// A datagram socket on this machine, by its path; after `@` an abstract name.
    public static func unixDatagram(_ path: String) -> Endpoint {
        Endpoint(.unixDatagram, .path(path))
    }

    /// A sequenced-packet socket on this machine, by its path; after `@` an abstract name.
    public static func unixSequencedPacket(_ path: String) -> Endpoint {
        Endpoint(.unixSequencedPacket, .path(path))
    }
}

// MARK: Text

extension Endpoint: CustomStringConvertible {
    /// The endpoint as ``init(_:transport:)`` reads it: `www.example.com:http`, `[::1]:80`,
    /// `:51423` without a host, `udp://localhost:53`, `unix:/run/app.sock`.
    ///
    /// Control characters are written `\xNN`, so that the text is safe in a terminal.
    public var description: String {
        switch place {
        case .host(let host, let port):
            let shown = TerminalText.escaped(host)
            let bracketed = host.utf8.contains(UInt8(ascii: ":")) ? "[\(shown)]" : shown
            return "\(prefix)\(bracketed):\(port)"
        case .path(let path):
            // Two slashes would read as those of a URL, and what follows as its host.
            let slashes = path.utf8.starts(with: "//".utf8) ? "//" : ""
            return "\(transport):\(slashes)\(TerminalText.escaped(path))"
        }
    }

    /// What must stand before the host: nothing for TCP, unless the host is called like a scheme
    /// of Unix sockets.
    private var prefix: String {
        guard transport == .tcp else { return "\(transport)://" }
        let reserved = ["unix", "unixgram", "unixpacket"]
        return host.map { reserved.contains($0.lowercased()) } == true ? "tcp://" : ""
    }
}
