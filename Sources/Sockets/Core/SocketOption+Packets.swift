internal import SystemPackage

// The options that determine fields of a socket's packets: ip(7) and ipv6(7).

extension SocketOption<TrafficClass> {
    /// `IP_TOS`, `IPV6_TCLASS`: the traffic class, which is the differentiated services code point
    /// (DSCP) and the explicit congestion notification (ECN).
    ///
    /// ```swift
    /// try channel.setOption(.trafficClass, to: TrafficClass(.expeditedForwarding))
    /// ```
    ///
    /// TCP determines the ECN bits itself (`net.ipv4.tcp_ecn`), so the kernel keeps only the code
    /// point on a stream. The option needs no privilege. Setting it changes ``priority`` too. A
    /// Multipath TCP socket over IPv6 does not have the option. See ip(7), ipv6(7) and RFC 2474.
    public static var trafficClass: Self {
        SocketOption<Int32>.number("trafficClass", .trafficClass4, .trafficClass6)
            .map(
                { TrafficClass(rawValue: UInt8(truncatingIfNeeded: $0)) },
                { Int32($0.rawValue) })
    }
}

extension SocketOption<UInt32?> {
    /// `IPV6_FLOWLABEL_MGR`: the IPv6 flow label of a connected socket's packets, or `nil` if the
    /// program has not chosen one.
    ///
    /// The option is read-only, because the label belongs to the connection. To choose a label,
    /// pass ``SocketOptionSetting/flowLabel(_:)``. An IPv4 socket does not have the option. See
    /// ipv6(7).
    public static var flowLabel: Self {
        readOnly("flowLabel") { descriptor, _ throws(Errno) in
            try System.flowLabel(descriptor)
        }
    }
}

extension SocketOption<MTUDiscovery> {
    /// `IP_MTU_DISCOVER`, `IPV6_MTU_DISCOVER`: how the socket discovers the path MTU.
    ///
    /// The option needs no privilege. A Multipath TCP socket does not have the option. See ip(7)
    /// and ipv6(7).
    public static var mtuDiscovery: Self {
        SocketOption<Int32>.number("mtuDiscovery", .mtuDiscovery4, .mtuDiscovery6)
            .map(MTUDiscovery.init(rawValue:), \.rawValue)
            .accepting("the constants of MTUDiscovery")
            .showing { "\($0.rawValue)" }
    }
}

extension SocketOption<Int> {
    /// `IP_MTU`, `IPV6_MTU`: the known path MTU of a connected socket in bytes, which is the size
    /// of the largest packet that reaches the peer unfragmented.
    ///
    /// The option is read-only. Reading it throws `socketNotConnected` on an unconnected socket. A
    /// Multipath TCP socket does not have the option. See ip(7) and ipv6(7).
    public static var mtu: Self {
        readOnly("mtu") { descriptor, family throws(Errno) in
            Int(try System.option(descriptor, family == .ipv6 ? .mtu6 : .mtu4))
        }
    }
}
