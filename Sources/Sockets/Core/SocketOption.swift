public import SystemPackage

/// An option of a socket, with the type of its value.
///
/// ```swift
/// try socket.setOption(.noDelay, to: true)
/// let size = try socket.option(.receiveBufferSize)
/// ```
///
/// Options that are not here are reached by level and name: `SocketOption<Int32>.raw`.
public struct SocketOption<Value: Sendable>: Sendable {
    /// The option's name, as it stands in an error.
    let name: String
    let get: @Sendable (Int32, AddressFamily) throws(Errno) -> Value
    let set: @Sendable (Int32, AddressFamily, Value) throws(Errno) -> Void
    /// May change the kernel's time limits behind the socket's back.
    var isRaw = false
}

extension SocketOption<Bool> {
    /// `SO_REUSEADDR`: a server may bind its port again while old connections linger.
    public static var reuseAddress: Self { flag("reuseAddress", .reuseAddress) }

    /// `SO_REUSEPORT`: several sockets bind the same port, and the kernel shares the callers out.
    public static var reusePort: Self { flag("reusePort", .reusePort) }

    /// `SO_KEEPALIVE`: a connection on which nothing happens is checked from time to time.
    public static var keepAlive: Self { flag("keepAlive", .keepAlive) }

    /// `SO_BROADCAST`: datagrams may be sent to broadcast addresses.
    public static var broadcast: Self { flag("broadcast", .broadcast) }

    /// `TCP_NODELAY`: small writes leave at once instead of waiting to be joined (Nagle).
    public static var noDelay: Self { flag("noDelay", .noDelay) }

    /// `IPV6_V6ONLY`: an IPv6 socket does not serve IPv4 as well. Before binding only.
    public static var ipv6Only: Self { flag("ipv6Only", .ipv6Only) }

    /// `IP_MULTICAST_LOOP`, `IPV6_MULTICAST_LOOP`: what is sent to a group comes back to this
    /// machine's own members.
    public static var multicastLoop: Self {
        let number = SocketOption<Int32>.number("multicastLoop", .multicastLoop4, .multicastLoop6)
        return number.map({ $0 != 0 }, { $0 ? 1 : 0 })
    }

    private static func flag(_ name: String, _ key: OptionKey) -> Self {
        SocketOption<Int32>.number(name, key).map({ $0 != 0 }, { $0 ? 1 : 0 })
    }
}

extension SocketOption<Int> {
    /// `SO_RCVBUF`, in bytes: how much the kernel holds that nobody has received.
    ///
    /// The kernel doubles what it is told, for its own bookkeeping, and keeps it within
    /// `net.core.rmem_max`; what is read back is the doubled number.
    public static var receiveBufferSize: Self { count("receiveBufferSize", .receiveBufferSize) }

    /// `SO_SNDBUF`, in bytes: how much the kernel holds that has not been delivered; as
    /// `receiveBufferSize` with `net.core.wmem_max`.
    public static var sendBufferSize: Self { count("sendBufferSize", .sendBufferSize) }

    /// `TCP_KEEPCNT`: after how many unanswered checks a connection counts as broken.
    public static var keepAliveCount: Self { count("keepAliveCount", .keepAliveCount) }

    /// `IP_TTL`, `IPV6_UNICAST_HOPS`: how many routers a packet may pass, 1–255.
    public static var timeToLive: Self { count("timeToLive", .timeToLive4, .timeToLive6) }

    /// `IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`: the same for packets to a group; 1 stays in the
    /// local network.
    public static var multicastTimeToLive: Self {
        count("multicastTimeToLive", .multicastTimeToLive4, .multicastTimeToLive6)
    }

    private static func count(
        _ name: String, _ key: OptionKey, _ ipv6Key: OptionKey? = nil
    ) -> Self {
        SocketOption<Int32>.number(name, key, ipv6Key).map(Int.init, Int32.init(clamping:))
    }
}

extension SocketOption<Duration> {
    /// `TCP_KEEPIDLE`: how long nothing has to happen before the first check; whole seconds, at
    /// least 1.
    public static var keepAliveIdle: Self { seconds("keepAliveIdle", .keepAliveIdle) }

    /// `TCP_KEEPINTVL`: how long to wait between checks; whole seconds, at least 1.
    public static var keepAliveInterval: Self { seconds("keepAliveInterval", .keepAliveInterval) }

    private static func seconds(_ name: String, _ key: OptionKey) -> Self {
        SocketOption<Int32>.number(name, key).map({ .seconds($0) }, \.wholeSeconds)
    }
}

extension SocketOption<Duration?> {
    /// `SO_LINGER`: how long `close` waits for the peer to take what was sent; nil is not at all,
    /// which is the default and still delivers.
    ///
    /// Whole seconds, rounded up. `.zero` throws away what was not delivered and resets the
    /// connection.
    public static var linger: Self {
        SocketOption(name: "linger") { descriptor, _ throws(Errno) in
            try System.linger(descriptor).map { .seconds($0) }
        } set: { descriptor, _, value throws(Errno) in
            try System.setLinger(descriptor, value?.wholeSeconds)
        }
    }
}

extension SocketOption<Errno?> {
    /// `SO_ERROR`: the pending error, which reading takes away; read only.
    public static var error: Self {
        SocketOption(name: "error") { descriptor, _ throws(Errno) in
            try System.takeError(descriptor)
        } set: { _, _, _ throws(Errno) in
            throw .protocolNotAvailable
        }
    }
}

extension SocketOption<SocketType?> {
    /// `SO_TYPE`: the kind of the socket; read only, nil for kinds unknown here.
    public static var type: Self {
        SocketOption<Int32>.number("type", .type).map(
            { number in SocketType.allCases.first { $0.raw.rawValue == number } },
            { $0?.raw.rawValue ?? 0 })
    }
}

extension SocketOption<Int32> {
    /// Any option whose value is a C `int`, by level and name: `SOL_SOCKET`, `SO_PRIORITY`.
    public static func raw(level: Int32, name: Int32) -> Self {
        let key = OptionKey(level: level, name: name)
        // The number may stand for a descriptor, which is the user's to get right.
        return SocketOption(name: "(\(level), \(name))") { descriptor, _ throws(Errno) in
            try System.option(descriptor, key, ours: false)
        } set: { descriptor, _, value throws(Errno) in
            try System.setOption(descriptor, key, value, ours: false)
        }.asRaw
    }

    /// An `int`; options that the two Internet families have under different names are set under
    /// both on an IPv6 socket, because it may serve IPv4 as well.
    fileprivate static func number(
        _ name: String, _ key: OptionKey, _ ipv6Key: OptionKey? = nil
    ) -> Self {
        SocketOption(name: name) { descriptor, family throws(Errno) in
            try System.option(descriptor, family == .ipv6 ? ipv6Key ?? key : key)
        } set: { descriptor, family, value throws(Errno) in
            guard family == .ipv6, let ipv6Key else {
                return try System.setOption(descriptor, key, value)
            }
            try System.setOption(descriptor, ipv6Key, value)
            try? System.setOption(descriptor, key, value)
        }
    }
}

extension SocketOption<[UInt8]> {
    /// Any option at all, as the bytes of its C value; at most `capacity` of them are read.
    public static func raw(level: Int32, name: Int32, capacity: Int = 256) -> Self {
        let key = OptionKey(level: level, name: name)
        // No option is as large as this, and the room has to be allocated.
        let most = min(max(0, capacity), 1 << 20)
        return SocketOption(name: "(\(level), \(name))") { descriptor, _ throws(Errno) in
            try System.option(descriptor, key, capacity: most)
        } set: { descriptor, _, value throws(Errno) in
            try System.setOption(descriptor, key, value)
        }.asRaw
    }
}

extension SocketOption {
    fileprivate var asRaw: Self {
        var option = self
        option.isRaw = true
        return option
    }

    /// The same option with another type of value.
    fileprivate func map<Other>(
        _ decode: @escaping @Sendable (Value) -> Other,
        _ encode: @escaping @Sendable (Other) -> Value
    ) -> SocketOption<Other> {
        SocketOption<Other>(name: name) { [get] descriptor, family throws(Errno) in
            decode(try get(descriptor, family))
        } set: { [set] descriptor, family, value throws(Errno) in
            try set(descriptor, family, encode(value))
        }
    }
}

extension Duration {
    /// Rounded up, as the kernel takes it.
    fileprivate var wholeSeconds: Int32 {
        Int32(clamping: max(0, (nanosecondsRoundedUp + 999_999_999) / 1_000_000_000))
    }
}

/// A socket option together with a value, as `ConnectOptions` and `ListenOptions` hold it.
///
/// ```swift
/// let options = ConnectOptions(socketOptions: [
///     .set(.keepAlive, to: true), .set(.keepAliveIdle, to: .seconds(60)),
/// ])
/// ```
public struct SocketOptionSetting: Sendable {
    /// The option's name, as it stands in an error.
    let name: String
    let apply: @Sendable (Int32, AddressFamily) throws(Errno) -> Void
    let isRaw: Bool

    /// Returns the setting of an option to a value.
    public static func set<Value>(_ option: SocketOption<Value>, to value: Value) -> Self {
        SocketOptionSetting(
            name: option.name,
            apply: { descriptor, family throws(Errno) in
                try option.set(descriptor, family, value)
            },
            isRaw: option.isRaw)
    }
}
