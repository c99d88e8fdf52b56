/// The type of a socket, the second argument of socket(2).
public enum SocketType: Hashable, Sendable, CaseIterable {
    /// A connection that carries a stream of bytes: `SOCK_STREAM`. Over IP, this is TCP.
    case stream
    /// Datagrams: `SOCK_DGRAM`. Over IP, this is UDP, whose datagrams may be lost or reordered.
    case datagram
    /// A connection that preserves message boundaries, for the Unix family only: `SOCK_SEQPACKET`.
    case sequencedPacket

    /// The kernel's number for the type.
    var raw: RawSocketType {
        switch self {
        case .stream: .stream
        case .datagram: .datagram
        case .sequencedPacket: .sequencedPacket
        }
    }
}
