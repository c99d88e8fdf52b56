/// What kind of address a socket is named by: the first of the two words that say what a socket is.
///
/// The corresponding C constants are `AF_INET`, `AF_INET6` and `AF_UNIX`.
public enum AddressFamily: Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// Internet addresses of four bytes, `127.0.0.1` (`AF_INET`).
    case ipv4
    /// Internet addresses of sixteen bytes, `::1` (`AF_INET6`).
    case ipv6
    /// Names on this machine: paths of the file system and abstract names (`AF_UNIX`).
    case unix

    /// `IPv4`, `IPv6` or `Unix`.
    public var description: String {
        switch self {
        case .ipv4: "IPv4"
        case .ipv6: "IPv6"
        case .unix: "Unix"
        }
    }
}
