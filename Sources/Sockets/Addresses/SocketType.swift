/// The semantics of a socket: the type that socket(2) takes.
public enum SocketType: Hashable, Sendable, CaseIterable {
    /// A connection that carries a stream of bytes: `SOCK_STREAM`, TCP over IP.
    case stream
    /// Single messages that may be lost or reordered: `SOCK_DGRAM`, UDP over IP.
    case datagram
    /// A connection that preserves message boundaries, in the Unix family only: `SOCK_SEQPACKET`.
    case sequencedPacket

    /// The number that the kernel uses.
    var raw: RawSocketType {
        switch self {
        case .stream: .stream
        case .datagram: .datagram
        case .sequencedPacket: .sequencedPacket
        }
    }
}
