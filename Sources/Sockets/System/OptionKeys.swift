internal import Glibc

/// The level and the name of an option, for setsockopt(2).
struct OptionKey: Hashable, Sendable {
    var level: Int32
    var name: Int32

    // socket(7)
    static let reuseAddress = OptionKey(level: SOL_SOCKET, name: SO_REUSEADDR)
    static let reusePort = OptionKey(level: SOL_SOCKET, name: SO_REUSEPORT)
    static let keepAlive = OptionKey(level: SOL_SOCKET, name: SO_KEEPALIVE)
    static let linger = OptionKey(level: SOL_SOCKET, name: SO_LINGER)
    static let error = OptionKey(level: SOL_SOCKET, name: SO_ERROR)
    static let broadcast = OptionKey(level: SOL_SOCKET, name: SO_BROADCAST)
    static let receiveBufferSize = OptionKey(level: SOL_SOCKET, name: SO_RCVBUF)
    static let sendBufferSize = OptionKey(level: SOL_SOCKET, name: SO_SNDBUF)
    static let type = OptionKey(level: SOL_SOCKET, name: SO_TYPE)
    static let bindToDevice = OptionKey(level: SOL_SOCKET, name: SO_BINDTODEVICE)

    // tcp(7)
    static let noDelay = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_NODELAY)
    static let cork = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_CORK)
    static let keepAliveIdle = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_KEEPIDLE)
    static let keepAliveInterval = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_KEEPINTVL)
    static let keepAliveCount = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_KEEPCNT)

    // ip(7)
    static let timeToLive4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_TTL)
    static let multicastTimeToLive4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_MULTICAST_TTL)
    static let multicastLoop4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_MULTICAST_LOOP)
    static let bindWithoutPort = OptionKey(
        level: Int32(IPPROTO_IP), name: IP_BIND_ADDRESS_NO_PORT)
    static let multicastAll4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_MULTICAST_ALL)
    static let packetInfo4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_PKTINFO)

    // ipv6(7)
    static let ipv6Only = OptionKey(level: Int32(IPPROTO_IPV6), name: IPV6_V6ONLY)
    static let timeToLive6 = OptionKey(level: Int32(IPPROTO_IPV6), name: IPV6_UNICAST_HOPS)
    static let multicastTimeToLive6 = OptionKey(
        level: Int32(IPPROTO_IPV6), name: IPV6_MULTICAST_HOPS)
    static let multicastLoop6 = OptionKey(level: Int32(IPPROTO_IPV6), name: IPV6_MULTICAST_LOOP)
    /// `IPV6_MULTICAST_ALL` of linux/in6.h, which glibc does not declare.
    static let multicastAll6 = OptionKey(level: Int32(IPPROTO_IPV6), name: 29)
    /// `IPV6_UNICAST_IF` of linux/in6.h, which glibc does not declare.
    static let unicastInterface6 = OptionKey(level: Int32(IPPROTO_IPV6), name: 76)
    static let packetInfo6 = OptionKey(level: Int32(IPPROTO_IPV6), name: IPV6_RECVPKTINFO)
}
