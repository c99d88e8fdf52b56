internal import CSockets
internal import Glibc

// The constants of sys/socket.h that programs choose from.

/// The family of a socket's addresses.
///
/// The corresponding C constants are `AF_INET`, `AF_INET6` and `AF_UNIX`.
public enum AddressFamily: Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// Internet addresses of four bytes, such as `127.0.0.1` (`AF_INET`).
    case ipv4
    /// Internet addresses of sixteen bytes, such as `::1` (`AF_INET6`).
    case ipv6
    /// Paths in the file system and abstract names, on this machine (`AF_UNIX`).
    case unix

    /// The family's name: `IPv4`, `IPv6` or `Unix`.
    public var description: String {
        switch self {
        case .ipv4: "IPv4"
        case .ipv6: "IPv6"
        case .unix: "Unix"
        }
    }

    /// The number that the kernel uses.
    var number: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }
}

/// The type of a socket, the second argument of socket(2).
public enum SocketType: Hashable, Sendable, CaseIterable {
    /// A connection that carries a stream of bytes: `SOCK_STREAM`. Over IP, this is TCP.
    case stream
    /// Datagrams: `SOCK_DGRAM`. Over IP, this is UDP, whose datagrams may be lost or reordered.
    case datagram
    /// A connection that preserves message boundaries, for the Unix family only: `SOCK_SEQPACKET`.
    case sequencedPacket

    /// Creates the type to which the kernel gives this number; `nil` if no type has it.
    init?(number: Int32) {
        guard let type = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = type
    }

    /// The number that the kernel uses.
    var number: Int32 {
        switch self {
        case .stream: Int32(SOCK_STREAM.rawValue)
        case .datagram: Int32(SOCK_DGRAM.rawValue)
        case .sequencedPacket: Int32(SOCK_SEQPACKET.rawValue)
        }
    }
}

/// The direction of a connection that `shutdown` ends: the argument of shutdown(2).
public enum ShutdownDirection: Hashable, Sendable, CaseIterable {
    /// Only the receiving direction: `SHUT_RD`.
    case read
    /// Only the sending direction, so the peer reads EOF: `SHUT_WR`.
    case write
    /// Both directions: `SHUT_RDWR`.
    case both

    /// The number that the kernel uses.
    var number: Int32 {
        switch self {
        case .read: Int32(SHUT_RD)
        case .write: Int32(SHUT_WR)
        case .both: Int32(SHUT_RDWR)
        }
    }
}

/// How a socket discovers the path MTU, the size of the largest packet that reaches the peer
/// unfragmented: the values of `IP_MTU_DISCOVER` and `IPV6_MTU_DISCOVER`.
///
/// See ip(7), and linux/in.h, which defines all values.
public struct MTUDiscovery: RawRepresentable, Hashable, Sendable {
    /// The number that the kernel uses.
    public let rawValue: Int32

    /// Creates a value from the number that the kernel uses.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// Packets may be fragmented on their way: `IP_PMTUDISC_DONT`.
    public static let never = MTUDiscovery(rawValue: IP_PMTUDISC_DONT)

    /// The kernel discovers the path MTU, and fragments datagrams that are larger than the path
    /// MTU: `IP_PMTUDISC_WANT`, the default.
    public static let whenPossible = MTUDiscovery(rawValue: IP_PMTUDISC_WANT)

    /// No packet is fragmented, and sending a datagram larger than the path MTU fails:
    /// `IP_PMTUDISC_DO`.
    public static let always = MTUDiscovery(rawValue: IP_PMTUDISC_DO)

    /// The same as ``always``, except that the kernel ignores the known path MTU:
    /// `IP_PMTUDISC_PROBE`.
    ///
    /// A program can then probe the path with datagrams up to the interface's MTU.
    public static let probe = MTUDiscovery(rawValue: IP_PMTUDISC_PROBE)

    /// The kernel uses the interface's MTU and ignores reports of a smaller path MTU, because an
    /// attacker may have sent them: `IP_PMTUDISC_INTERFACE`.
    ///
    /// Packets may be fragmented on their way. Sending a datagram larger than the interface's MTU
    /// fails.
    public static let interface = MTUDiscovery(rawValue: IP_PMTUDISC_INTERFACE)

    /// The same as ``interface``, except that the kernel fragments datagrams larger than the
    /// interface's MTU: `IP_PMTUDISC_OMIT`.
    public static let omit = MTUDiscovery(rawValue: IP_PMTUDISC_OMIT)
}
