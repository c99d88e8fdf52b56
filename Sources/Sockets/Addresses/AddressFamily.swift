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
}
