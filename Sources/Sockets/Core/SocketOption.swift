public import SystemPackage

/// A socket option with the type of its value.
///
/// ```swift
/// try socket.setOption(.noDelay, to: true)
/// let size = try socket.option(.receiveBufferSize)
/// ```
///
/// Other options are available by level and name: `SocketOption<Int32>.raw`.
///
/// Many options must be set before bind or connect. Pass such options in
/// ``ConnectOptions/socketOptions`` or ``ListenOptions/socketOptions``; see
/// ``SocketOptionSetting``. An accepted TCP connection inherits the options of its listener, except
/// ``priority``, ``incomingCPU``, ``quickAck``, ``deferAccept``, ``fastOpenConnect`` and
/// ``fastOpenBacklog``. An accepted Unix connection inherits none.
///
/// An option that does not apply to the type of the socket is rejected with `notSupportedOnSocket`
/// or `protocolNotAvailable`. On an IPv6 socket, an option that exists for IPv4 and IPv6 is set for
/// both, because the socket may carry IPv4 traffic too.
public struct SocketOption<Value: Sendable>: Sendable {
    /// The name of the option in errors.
    let name: String
    let get: @Sendable (Int32, AddressFamily) throws(Errno) -> Value
    let set: @Sendable (Int32, AddressFamily, Value) throws(Errno) -> Void
    /// A Boolean value that indicates whether the option was created from raw numbers.
    ///
    /// Setting such an option may change the socket's timeouts in the kernel, so cached timeouts
    /// become invalid.
    var isRaw = false
    /// What a program can do if the kernel rejects the option, for each error number.
    var hints: [Errno: String] = [:]
    /// A closure that returns a value as text for errors; `nil` if errors name only the option.
    var text: (@Sendable (Value) -> String)?
    /// A Boolean value that indicates whether setting the option may set `SO_LINGER`.
    var mayLinger = false
    /// A closure that converts the value of `SO_ERROR` to the pending error, which reading the
    /// option cleared in the kernel; `nil` for other options.
    var takenError: (@Sendable (Value) -> Errno?)?
}

extension SocketOption<Bool> {
    /// `SO_REUSEADDR`: a server may bind its port again while old connections linger.
    public static var reuseAddress: Self { flag("reuseAddress", .reuseAddress) }

    /// `SO_REUSEPORT`: several sockets may bind the same port, and the kernel distributes the
    /// clients among them.
    public static var reusePort: Self { flag("reusePort", .reusePort) }

    /// `SO_KEEPALIVE`: the kernel probes the peer of an idle connection from time to time.
    public static var keepAlive: Self { flag("keepAlive", .keepAlive) }

    /// `SO_BROADCAST`: datagrams may be sent to broadcast addresses.
    public static var broadcast: Self { flag("broadcast", .broadcast) }

    /// `TCP_NODELAY`: small writes are sent at once instead of being combined (Nagle's algorithm).
    public static var noDelay: Self { flag("noDelay", .noDelay) }

    /// `TCP_CORK`: the kernel holds back partial segments, for at most 200 ms.
    ///
    /// ``Connection/corked(_:)`` and ``Socket/corked(_:)`` set it for the duration of a closure.
    public static var cork: Self { flag("cork", .cork) }

    /// `IPV6_V6ONLY`: an IPv6 socket carries only IPv6 traffic and no IPv4 traffic.
    ///
    /// Set this option before bind. Without it, a socket on `::` serves both families. To restrict
    /// a new listener or channel to IPv6, use ``ListenOptions/family``.
    public static var ipv6Only: Self { flag("ipv6Only", .ipv6Only) }

    /// `IP_BIND_ADDRESS_NO_PORT`: bind reserves no port, and connect chooses a port that is free
    /// for its destination.
    static var bindWithoutPort: Self { flag("bindWithoutPort", .bindWithoutPort) }

    /// `IP_MULTICAST_LOOP`, `IPV6_MULTICAST_LOOP`: datagrams to a group also reach members on this
    /// machine.
    public static var multicastLoop: Self {
        flag("multicastLoop", .multicastLoop4, .multicastLoop6)
    }

    /// Returns an option that is on or off; see ``SocketOption/number(_:_:_:)``.
    static func flag(_ name: String, _ key: OptionKey, _ ipv6Key: OptionKey? = nil) -> Self {
        SocketOption<Int32>.number(name, key, ipv6Key).map({ $0 != 0 }, { $0 ? 1 : 0 })
    }
}

extension SocketOption<Int> {
    /// `SO_RCVBUF`: the size of the receive queue in bytes.
    ///
    /// The kernel doubles the number for its own bookkeeping and limits it to `net.core.rmem_max`.
    /// Reading the option returns the doubled number.
    public static var receiveBufferSize: Self { count("receiveBufferSize", .receiveBufferSize) }

    /// `SO_SNDBUF`: the size of the send queue in bytes.
    ///
    /// The kernel doubles the number as for ``receiveBufferSize``, and limits it to
    /// `net.core.wmem_max`.
    public static var sendBufferSize: Self { count("sendBufferSize", .sendBufferSize) }

    /// `TCP_KEEPCNT`: the number of unanswered probes after which the kernel ends a connection,
    /// 1–127.
    public static var keepAliveCount: Self {
        count("keepAliveCount", .keepAliveCount).accepting("1 to 127")
    }

    /// `IP_TTL`, `IPV6_UNICAST_HOPS`: the number of routers that a packet may pass, 1–255, which
    /// IPv6 calls the hop limit.
    ///
    /// A Multipath TCP socket does not have the option. See ip(7) and ipv6(7).
    public static var timeToLive: Self {
        count("timeToLive", .timeToLive4, .timeToLive6).accepting("1 to 255")
    }

    /// `IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`: the number of routers that a packet to a group
    /// may pass.
    ///
    /// With 1, the packet stays in the local network.
    public static var multicastTimeToLive: Self {
        count("multicastTimeToLive", .multicastTimeToLive4, .multicastTimeToLive6)
            .accepting("0 to 255")
    }

    /// Returns an option with an integer value; see ``SocketOption/number(_:_:_:)``.
    static func count(_ name: String, _ key: OptionKey, _ ipv6Key: OptionKey? = nil) -> Self {
        SocketOption<Int32>.number(name, key, ipv6Key).map(Int.init, Int32.init(clamping:))
            .showing { "\($0)" }
    }
}

extension SocketOption<Duration> {
    /// `TCP_KEEPIDLE`: how long a connection is idle before the first probe.
    ///
    /// The value is rounded up to whole seconds. The kernel accepts values from 1 to 32,767.
    public static var keepAliveIdle: Self {
        seconds("keepAliveIdle", .keepAliveIdle).accepting("1 to 32767 s")
    }

    /// `TCP_KEEPINTVL`: the time between two probes.
    ///
    /// The value is rounded up to whole seconds. The kernel accepts values from 1 to 32,767.
    public static var keepAliveInterval: Self {
        seconds("keepAliveInterval", .keepAliveInterval).accepting("1 to 32767 s")
    }

    /// Returns an option whose value is a number of seconds.
    static func seconds(_ name: String, _ key: OptionKey) -> Self {
        SocketOption<Int32>.number(name, key).map({ .seconds($0) }, \.wholeSeconds)
            .showing { "\($0.wholeSeconds) s" }
    }
}

extension SocketOption<Duration?> {
    /// `SO_LINGER`: `.zero` makes `close` reset the connection and discard undelivered bytes.
    ///
    /// With `nil` (the default) or a positive value, the kernel delivers the bytes after `close`. A
    /// positive value, rounded up to whole seconds, is the longest time that close(2) waits for the
    /// peer to acknowledge the sent bytes. The `close` of this library never waits. To wait for the
    /// peer, use ``Connection/finish(timeout:)`` or ``Socket/finish(timeout:)``.
    public static var linger: Self {
        var option = SocketOption(name: "linger") { descriptor, _ throws(Errno) in
            try System.linger(descriptor).map { .seconds($0) }
        } set: { descriptor, _, value throws(Errno) in
            try System.setLinger(descriptor, value?.wholeSeconds)
        }
        option.mayLinger = true
        return option
    }
}

extension SocketOption<Errno?> {
    /// `SO_ERROR`: the pending error.
    ///
    /// The option is read-only, and reading it clears the error. If the error broke a connection,
    /// later reads from the connection still report the error after the received bytes.
    public static var error: Self {
        var option = SocketOption.readOnly("error") { descriptor, _ throws(Errno) in
            try System.takeError(descriptor)
        }
        option.takenError = { $0 }
        return option
    }
}

extension SocketOption<SocketType?> {
    /// `SO_TYPE`: the type of the socket, or `nil` for a type that ``SocketType`` does not contain.
    ///
    /// It is read-only.
    public static var type: Self {
        SocketOption<Int32>.number("type", .type).map(
            SocketType.init(number:), { $0?.number ?? 0 })
    }
}

extension SocketOption<Int32> {
    /// Returns the option with this level and name, such as `SOL_SOCKET` and `SO_PRIORITY`, whose
    /// value is a C `int`.
    public static func raw(level: Int32, name: Int32) -> Self {
        let key = OptionKey(level: level, name: name)
        // Treat `EBADF` as an ordinary error here, because some options have a descriptor as their
        // value, and the program may have passed an invalid descriptor.
        var option = SocketOption(name: "(\(level), \(name))") { descriptor, _ throws(Errno) in
            try System.option(descriptor, key, fromUser: true)
        } set: { descriptor, _, value throws(Errno) in
            try System.setOption(descriptor, key, value, fromUser: true)
        }.asRaw.showing { "\($0)" }
        if key == .error { option.takenError = { Errno(rawValue: $0) } }
        return option
    }

    /// Returns an option with an `int` value.
    ///
    /// If `ipv6Key` is given, the value of an IPv6 socket is read with `ipv6Key`. It is set with
    /// both keys, because an IPv6 socket may carry IPv4 traffic too.
    static func number(
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
    /// Returns the option with this level and name, whose value is an array with the bytes of the C
    /// value.
    ///
    /// Reading returns at most `capacity` bytes.
    public static func raw(level: Int32, name: Int32, capacity: Int = 256) -> Self {
        let key = OptionKey(level: level, name: name)
        // Limit the capacity, because it determines the allocated memory and no option is that
        // large.
        let most = min(max(0, capacity), 1 << 20)
        var option = SocketOption(name: "(\(level), \(name))") { descriptor, _ throws(Errno) in
            try System.option(descriptor, key, capacity: most)
        } set: { descriptor, _, value throws(Errno) in
            try System.setOption(descriptor, key, value)
        }.asRaw
        if key == .error { option.takenError = { Errno(rawValue: Int32(leading: $0)) } }
        return option
    }
}

extension SocketOption {
    fileprivate var asRaw: Self {
        var option = self
        option.isRaw = true
        option.mayLinger = true
        return option
    }

    /// Returns an option that programs can only read.
    static func readOnly(
        _ name: String,
        _ get: @escaping @Sendable (Int32, AddressFamily) throws(Errno) -> Value
    ) -> Self {
        SocketOption(name: name, get: get) { _, _, _ throws(Errno) in
            throw .protocolNotAvailable
        }
    }

    /// Returns a copy of the option with a hint about the values that the kernel accepts.
    func accepting(_ values: String) -> Self {
        hinting(.invalidArgument, "The option takes \(values).")
    }

    /// Returns a copy of the option with a hint about the privilege that the kernel requires.
    func requiring(_ privilege: String) -> Self {
        hinting(.notPermitted, "The option requires \(privilege).")
    }

    /// Returns a copy of the option with a hint for an error.
    func hinting(_ error: Errno, _ hint: String) -> Self {
        var option = self
        option.hints[error] = hint
        return option
    }

    /// Returns a copy of the option whose errors contain the value as text.
    func showing(_ text: @escaping @Sendable (Value) -> String) -> Self {
        var option = self
        option.text = text
        return option
    }

    /// Returns the same option with values of another type, without hints and text.
    func map<Other>(
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
    /// The duration rounded up to whole seconds, the unit of these options in the kernel.
    var wholeSeconds: Int32 {
        Int32(clamping: max(0, (nanosecondsRoundedUp + 999_999_999) / 1_000_000_000))
    }
}

extension Int32 {
    /// Creates a number from the bytes of a C `int`.
    ///
    /// Missing bytes count as 0.
    fileprivate init(leading bytes: [UInt8]) {
        self = 0
        withUnsafeMutableBytes(of: &self) { $0.copyBytes(from: bytes.prefix($0.count)) }
    }
}
