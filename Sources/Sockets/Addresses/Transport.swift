/// The transport of an endpoint, which determines the type of the socket.
@nonexhaustive public enum Transport: Hashable, Sendable {
    /// A stream over the Internet Protocol.
    case tcp
    /// Datagrams over the Internet Protocol.
    case udp
    /// A stream within this machine.
    case unix
    /// Datagrams within this machine, which the kernel neither loses nor reorders.
    case unixDatagram
    /// A connection within this machine that preserves message boundaries.
    case unixSequencedPacket
}

extension Transport: CaseIterable, CustomStringConvertible {
    /// The scheme that names the transport in the text of an endpoint: `tcp`, `udp`, `unix`,
    /// `unixgram` or `unixpacket`.
    public var description: String {
        switch self {
        case .tcp: "tcp"
        case .udp: "udp"
        case .unix: "unix"
        case .unixDatagram: "unixgram"
        case .unixSequencedPacket: "unixpacket"
        }
    }

    /// A Boolean value that indicates whether the transport uses paths instead of hosts and ports.
    package var isUnix: Bool {
        switch self {
        case .tcp, .udp: false
        case .unix, .unixDatagram, .unixSequencedPacket: true
        }
    }

    /// The type of the sockets that use this transport.
    package var socketType: SocketType {
        switch self {
        case .tcp, .unix: .stream
        case .udp, .unixDatagram: .datagram
        case .unixSequencedPacket: .sequencedPacket
        }
    }
}
