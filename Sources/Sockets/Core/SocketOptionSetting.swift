internal import SystemPackage

/// A socket option and its value, for `ConnectOptions` and `ListenOptions`.
///
/// The setting takes effect before bind and connect, on each attempt to connect:
///
/// ```swift
/// let options = ConnectOptions(socketOptions: [
///     .boundInterface("eth0"), .mark(7), .userTimeout(.seconds(5)),
/// ])
/// ```
///
/// ``set(_:to:)`` makes a setting of any ``SocketOption``. ``multipathTCP`` and ``flowLabel(_:)``
/// are possible only here, because they must be chosen when the socket is created or connected.
public struct SocketOptionSetting: Sendable {
    /// What the setting changes.
    enum Effect: Sendable {
        /// An option of the socket: setsockopt(2).
        case option(@Sendable (Int32, AddressFamily) throws(Errno) -> Void)
        /// The protocol of the socket: the third argument of socket(2).
        case protocolNumber(Int32)
        /// The flow label of the address in connect(2).
        case flowLabel(UInt32)
    }

    /// The name of the option in errors.
    let name: String
    /// The value in errors, or `nil` if errors name only the option.
    var value: String?
    let effect: Effect
    var isRaw = false
    /// What a program can do if the kernel rejects the setting, for each error number.
    let hints: [Errno: String]
    var mayLinger = false

    /// A setting that turns `TCP_NODELAY` on.
    ///
    /// The async types apply it before the program's own settings, which may turn the option off.
    static let noDelay = set(.noDelay, to: true)

    /// Returns a setting that sets `option` to `value`.
    public static func set<Value>(_ option: SocketOption<Value>, to value: Value) -> Self {
        SocketOptionSetting(
            name: option.name, value: option.text?(value),
            effect: .option { descriptor, family throws(Errno) in
                try option.set(descriptor, family, value)
            },
            isRaw: option.isRaw, hints: option.hints, mayLinger: option.mayLinger)
    }

    /// The protocol that the setting chooses for the socket, or `nil` if it sets something else.
    var protocolNumber: Int32? {
        if case .protocolNumber(let number) = effect { number } else { nil }
    }

    /// The flow label that the setting chooses for the connection, or `nil` if it sets something
    /// else.
    var flowLabel: UInt32? {
        if case .flowLabel(let label) = effect { label } else { nil }
    }

    /// Returns a copy of an error of the setting with the value and a hint about the cause.
    func explained(_ error: SocketError) -> SocketError {
        error.with(hint: error.errno.flatMap { hints[$0] }, optionValue: value)
    }
}

// MARK: When the socket is created or connected

extension SocketOptionSetting {
    /// Creates the socket with Multipath TCP: `IPPROTO_MPTCP`, the third argument of socket(2).
    ///
    /// ```swift
    /// let connection = try await Connection(
    ///     to: server, options: .init(socketOptions: [.multipathTCP]))
    /// let usesMultipathTCP = try connection.option(.multipathTCP)
    /// ```
    ///
    /// The kernel can then use several paths, such as Wi-Fi and a mobile network, for one
    /// connection (RFC 8684). If the peer does not support Multipath TCP, the connection is an
    /// ordinary TCP connection. The option ``SocketOption/multipathTCP`` tells which kind of
    /// connection it is. The setting needs no privilege. The error is `protocolNotSupported` if the
    /// kernel has no Multipath TCP or the socket is not TCP, and `protocolNotAvailable` if
    /// `net.mptcp.enabled` is 0. A Multipath TCP socket lacks some options, whose pages say so.
    public static let multipathTCP = SocketOptionSetting(
        name: "multipathTCP", effect: .protocolNumber(System.multipathTCP),
        hints: [
            .protocolNotSupported: "Multipath TCP needs a TCP socket and Linux 5.6.",
            .protocolNotAvailable: "Multipath TCP is turned off; see net.mptcp.enabled.",
        ])

    /// Sets the IPv6 flow label of the socket's packets: `IPV6_FLOWLABEL_MGR`, and the field
    /// `sin6_flowinfo` of the address in connect(2).
    ///
    /// Routers can keep the packets with one label on one path (RFC 6437). The label is 1 to
    /// 1,048,575, or 1 to 524,287 if `net.ipv6.flowlabel_state_ranges` is set. The setting needs no
    /// privilege. Attempts to connect to an IPv4 address ignore the setting. A socket that does not
    /// connect and a Multipath TCP socket reject it with `notSupportedOnSocket`. See ipv6(7), and
    /// linux/in6.h, which defines the calls.
    public static func flowLabel(_ label: UInt32) -> Self {
        SocketOptionSetting(
            name: "flowLabel", value: "\(label)", effect: .flowLabel(label),
            hints: [
                .invalidArgument: "The option takes 1 to 1048575.",
                .outOfRange: "The option takes 1 to 524287; see net.ipv6.flowlabel_state_ranges.",
                .notSupportedOnSocket: "Only an IPv6 socket that connects has a flow label.",
            ])
    }
}

// MARK: Short forms

extension SocketOptionSetting {
    /// Turns the probes of idle peers on; see ``SocketOption/keepAliveProbes``.
    public static func keepAlive(
        idle: Duration = .seconds(7_200), interval: Duration = .seconds(75), count: Int = 9
    ) -> Self {
        let probes = KeepAliveProbes(idle: idle, interval: interval, count: count)
        return set(.keepAliveProbes, to: probes)
    }

    /// Limits how long sent bytes may stay unacknowledged; see ``SocketOption/userTimeout``.
    public static func userTimeout(_ duration: Duration) -> Self { set(.userTimeout, to: duration) }

    /// Limits the unsent bytes in the send queue; see ``SocketOption/notSentLowWater``.
    public static func notSentLowWater(_ bytes: Int) -> Self { set(.notSentLowWater, to: bytes) }

    /// Acknowledges the server's part of the handshake at once, or together with the first sent
    /// bytes if `isOn` is `false`; see ``SocketOption/quickAck``.
    public static func quickAck(_ isOn: Bool = true) -> Self { set(.quickAck, to: isOn) }

    /// Chooses the congestion control algorithm; see ``SocketOption/congestionControl``.
    public static func congestionControl(_ name: String) -> Self {
        set(.congestionControl, to: name)
    }

    /// Lets the program accept a client only after the client's first bytes; see
    /// ``SocketOption/deferAccept``.
    public static func deferAccept(_ duration: Duration) -> Self { set(.deferAccept, to: duration) }

    /// Sends the first bytes with the handshake; see ``SocketOption/fastOpenConnect``.
    public static func fastOpenConnect(_ isOn: Bool = true) -> Self {
        set(.fastOpenConnect, to: isOn)
    }

    /// Accepts the first bytes of clients during the handshake; see
    /// ``SocketOption/fastOpenBacklog``.
    public static func fastOpenBacklog(_ clients: Int) -> Self {
        set(.fastOpenBacklog, to: clients)
    }

    /// Chooses the traffic class (DSCP and ECN); see ``SocketOption/trafficClass``.
    public static func trafficClass(
        _ codePoint: TrafficClass.CodePoint, ecn: TrafficClass.ECN = .notCapable
    ) -> Self {
        set(.trafficClass, to: TrafficClass(codePoint, ecn: ecn))
    }

    /// Limits the number of routers that a packet may pass, which IPv6 calls the hop limit; see
    /// ``SocketOption/timeToLive``.
    public static func timeToLive(_ hops: Int) -> Self { set(.timeToLive, to: hops) }

    /// Chooses how the path MTU is discovered; see ``SocketOption/mtuDiscovery``.
    public static func mtuDiscovery(_ discovery: MTUDiscovery) -> Self {
        set(.mtuDiscovery, to: discovery)
    }

    /// Sends and receives only through one interface; see ``SocketOption/boundInterface``.
    public static func boundInterface(_ name: String) -> Self { set(.boundInterface, to: name) }

    /// Marks the packets for routing and firewall rules; see ``SocketOption/mark``.
    public static func mark(_ mark: UInt32) -> Self { set(.mark, to: mark) }

    /// Chooses the priority of the packets in the network interface; see ``SocketOption/priority``.
    public static func priority(_ priority: Int) -> Self { set(.priority, to: priority) }

    /// Prefers clients whose packets arrive on one processor; see ``SocketOption/incomingCPU``.
    public static func incomingCPU(_ number: Int) -> Self { set(.incomingCPU, to: number) }

    /// Allows a local address that this machine does not have; see ``SocketOption/freeBind``.
    public static func freeBind(_ isOn: Bool = true) -> Self { set(.freeBind, to: isOn) }

    /// Allows a local address of another machine, for a transparent proxy; see
    /// ``SocketOption/transparent``.
    public static func transparent(_ isOn: Bool = true) -> Self { set(.transparent, to: isOn) }
}
