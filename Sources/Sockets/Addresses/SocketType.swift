/// The type of a socket, as socket(2) takes it.
public enum SocketType: Hashable, Sendable, CaseIterable {
    /// A connection that carries a stream of bytes: `SOCK_STREAM`, which is TCP over IP.
    case stream
    /// Datagrams: `SOCK_DGRAM`, which is UDP over IP. They may be lost or reordered there.
    case datagram
    /// A connection that preserves message boundaries, for the Unix family only: `SOCK_SEQPACKET`.
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
