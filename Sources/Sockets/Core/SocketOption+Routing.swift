internal import SystemPackage

// The options that control how a socket's packets pass through this machine: socket(7), ip(7) and
// ipv6(7).

extension SocketOption<String?> {
    /// `SO_BINDTODEVICE`: the name of the only interface through which the socket sends and
    /// receives; `nil` for all interfaces.
    ///
    /// ```swift
    /// let connection = try await Connection(
    ///     to: server, options: .init(socketOptions: [.boundInterface("eth0")]))
    /// ```
    ///
    /// Since Linux 5.7, a program needs no privilege to choose an interface for a socket that has
    /// none. Changing the interface requires the capability `CAP_NET_RAW`, and so does every use of
    /// the option before Linux 5.7. The error is `operationNotSupportedByDevice` if no interface
    /// has the name. The option has an effect on IPv4 and IPv6 sockets. See socket(7).
    public static var boundInterface: Self {
        SocketOption(name: "boundInterface") { descriptor, _ throws(Errno) in
            let name = try System.optionName(descriptor, .bindToDevice)
            return name.isEmpty ? nil : name
        } set: { descriptor, _, name throws(Errno) in
            guard name.map(System.isOptionName) ?? true else {
                throw .operationNotSupportedByDevice
            }
            try System.setOption(descriptor, .bindToDevice, name: name ?? "")
        }
        .hinting(
            .operationNotSupportedByDevice,
            "No interface has that name; the command ip link shows the names."
        )
        .requiring("CAP_NET_RAW")
        .showing { $0.map { TerminalText.quoted($0) } ?? "nil" }
    }
}

extension SocketOption<UInt32> {
    /// `SO_MARK`: a number for each packet of the socket, which routing rules and firewall rules
    /// can match.
    ///
    /// The option requires the capability `CAP_NET_ADMIN`, or since Linux 5.17 `CAP_NET_RAW`. It
    /// has an effect on IPv4 and IPv6 sockets. See socket(7), and `fwmark` in ip-rule(8).
    public static var mark: Self {
        SocketOption<Int32>.number("mark", .mark)
            .map(UInt32.init(bitPattern:), Int32.init(bitPattern:))
            .requiring("CAP_NET_ADMIN")
            .showing { "\($0)" }
    }
}

extension SocketOption<Int> {
    /// `SO_PRIORITY`: the priority that chooses a queue of the network interface for the socket's
    /// packets.
    ///
    /// 0 to 6 need no privilege. Other values require the capability `CAP_NET_ADMIN`, or since
    /// Linux 5.17 `CAP_NET_RAW`. Setting ``trafficClass`` changes the priority too, so set the
    /// priority after it. An accepted connection has the priority 0. See socket(7) and tc(8).
    public static var priority: Self {
        count("priority", .priority).requiring("CAP_NET_ADMIN for values outside 0 to 6")
    }
}

extension SocketOption<Int?> {
    /// `SO_INCOMING_CPU`: the processor that handled the socket's last packet, or `nil` if there
    /// was none.
    ///
    /// If several sockets listen on a port with ``ListenOptions/reusePort``, the kernel prefers the
    /// socket whose option is set to the processor on which the client's packet arrived. On a
    /// connection, the next packet changes the value. See socket(7).
    public static var incomingCPU: Self {
        SocketOption<Int32>.number("incomingCPU", .incomingCPU)
            .map({ $0 < 0 ? nil : Int($0) }, { $0.map(Int32.init(clamping:)) ?? -1 })
    }
}

extension SocketOption<Bool> {
    /// `IP_FREEBIND`, `IPV6_FREEBIND`: bind accepts an address that this machine does not have, or
    /// does not have yet.
    ///
    /// The option needs no privilege, and applies to IPv4 and IPv6 sockets. See ip(7).
    public static var freeBind: Self { flag("freeBind", .freeBind4, .freeBind6) }

    /// `IP_TRANSPARENT`, `IPV6_TRANSPARENT`: the socket may have an address of another machine, as
    /// a transparent proxy needs.
    ///
    /// A listener accepts the clients that a TPROXY rule of the firewall diverts to it, and the
    /// local address of such a connection is the address that the client connected to. The option
    /// requires the capability `CAP_NET_ADMIN` or `CAP_NET_RAW`, and applies to IPv4 and IPv6
    /// sockets. See ip(7) and ipv6(7).
    public static var transparent: Self {
        flag("transparent", .transparent4, .transparent6)
            .requiring("CAP_NET_ADMIN or CAP_NET_RAW")
    }
}

extension SocketOption<SocketAddress?> {
    /// `SO_ORIGINAL_DST`, `IP6T_SO_ORIGINAL_DST`: the address that the client connected to before a
    /// REDIRECT or DNAT rule of this machine's firewall changed it.
    ///
    /// If no rule applied, the value is the local address. If the firewall does not track the
    /// connection, the value is `nil`. The option is read-only, and applies to accepted TCP
    /// connections. The error is `protocolNotAvailable` if the kernel has no connection tracking.
    /// The header linux/netfilter_ipv4.h defines the option.
    public static var originalDestination: Self {
        readOnly("originalDestination") { descriptor, family throws(Errno) in
            try System.originalDestination(descriptor, isIPv6: family == .ipv6)
                .map { SocketAddress($0) }
        }
    }
}
