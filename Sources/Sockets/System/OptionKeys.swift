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
    static let timestamp = OptionKey(level: SOL_SOCKET, name: SO_TIMESTAMP)
    static let bindToDevice = OptionKey(level: SOL_SOCKET, name: SO_BINDTODEVICE)
    static let mark = OptionKey(level: SOL_SOCKET, name: SO_MARK)
    static let priority = OptionKey(level: SOL_SOCKET, name: SO_PRIORITY)
    static let incomingCPU = OptionKey(level: SOL_SOCKET, name: SO_INCOMING_CPU)

    // tcp(7)
    static let noDelay = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_NODELAY)
    static let cork = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_CORK)
    static let keepAliveIdle = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_KEEPIDLE)
    static let keepAliveInterval = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_KEEPINTVL)
    static let keepAliveCount = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_KEEPCNT)
    static let userTimeout = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_USER_TIMEOUT)
    static let deferAccept = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_DEFER_ACCEPT)
    static let notSentLowWater = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_NOTSENT_LOWAT)
    static let fastOpen = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_FASTOPEN)
    static let fastOpenConnect = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_FASTOPEN_CONNECT)
    static let quickAck = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_QUICKACK)
    static let congestionControl = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_CONGESTION)
    /// `SOL_MPTCP` and `MPTCP_INFO` of linux/mptcp.h, which glibc does not declare.
    static let multipathInformation = OptionKey(level: 284, name: 1)

    // ip(7)
    static let timeToLive4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_TTL)
    static let multicastTimeToLive4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_MULTICAST_TTL)
    static let multicastLoop4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_MULTICAST_LOOP)
    static let bindWithoutPort = OptionKey(
        level: Int32(IPPROTO_IP), name: IP_BIND_ADDRESS_NO_PORT)
    static let multicastAll4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_MULTICAST_ALL)
    static let packetInfo4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_PKTINFO)
    static let trafficClass4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_TOS)
    static let mtuDiscovery4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_MTU_DISCOVER)
    static let mtu4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_MTU)
    static let freeBind4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_FREEBIND)
    static let transparent4 = OptionKey(level: Int32(IPPROTO_IP), name: IP_TRANSPARENT)
    /// `SO_ORIGINAL_DST` of linux/netfilter_ipv4.h, which glibc does not declare.
    static let originalDestination4 = OptionKey(level: Int32(IPPROTO_IP), name: 80)

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
    static let trafficClass6 = OptionKey(level: Int32(IPPROTO_IPV6), name: IPV6_TCLASS)
    static let mtuDiscovery6 = OptionKey(level: Int32(IPPROTO_IPV6), name: IPV6_MTU_DISCOVER)
    static let mtu6 = OptionKey(level: Int32(IPPROTO_IPV6), name: IPV6_MTU)
    /// `IPV6_FREEBIND` and `IPV6_TRANSPARENT` of linux/in6.h, which old versions of glibc lack.
    static let freeBind6 = OptionKey(level: Int32(IPPROTO_IPV6), name: 78)
    static let transparent6 = OptionKey(level: Int32(IPPROTO_IPV6), name: 75)
    /// `IP6T_SO_ORIGINAL_DST` of linux/netfilter_ipv6/ip6_tables.h, which glibc does not declare.
    static let originalDestination6 = OptionKey(level: Int32(IPPROTO_IPV6), name: 80)
    /// `IPV6_FLOWINFO_SEND` of linux/in6.h, which glibc does not declare.
    static let sendsFlowLabel = OptionKey(level: Int32(IPPROTO_IPV6), name: 33)
}
