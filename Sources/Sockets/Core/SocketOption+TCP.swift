internal import SystemPackage

// The options of TCP connections and TCP listeners: tcp(7).

extension SocketOption<KeepAliveProbes?> {
    /// `SO_KEEPALIVE`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`: when the kernel probes an
    /// idle peer, and when it gives up; `nil` turns the probes off.
    ///
    /// ```swift
    /// try connection.setOption(.keepAliveProbes, to: KeepAliveProbes(idle: .seconds(60)))
    /// ```
    ///
    /// The option combines ``keepAlive``, ``keepAliveIdle``, ``keepAliveInterval`` and
    /// ``keepAliveCount``. The probes are turned on last, so they stay off if the kernel rejects a
    /// value. See tcp(7).
    public static var keepAliveProbes: Self {
        SocketOption(name: "keepAliveProbes") { descriptor, _ throws(Errno) in
            guard try System.option(descriptor, .keepAlive) != 0 else { return nil }
            return KeepAliveProbes(
                idle: .seconds(try System.option(descriptor, .keepAliveIdle)),
                interval: .seconds(try System.option(descriptor, .keepAliveInterval)),
                count: Int(try System.option(descriptor, .keepAliveCount)))
        } set: { descriptor, _, probes throws(Errno) in
            if let probes {
                try System.setOption(descriptor, .keepAliveIdle, probes.idle.wholeSeconds)
                try System.setOption(descriptor, .keepAliveInterval, probes.interval.wholeSeconds)
                try System.setOption(descriptor, .keepAliveCount, Int32(clamping: probes.count))
            }
            try System.setOption(descriptor, .keepAlive, probes == nil ? 0 : 1)
        }
        .accepting("1 to 32767 s for idle and interval, and 1 to 127 for count")
        .showing { $0?.text ?? "nil" }
    }
}

extension SocketOption<Duration> {
    /// `TCP_USER_TIMEOUT`: how long sent bytes may stay unacknowledged before the kernel ends the
    /// connection with `timedOut`.
    ///
    /// The value is rounded up to whole milliseconds. The kernel accepts 0 to 2,147,483,647 ms, and
    /// 0 means the system's limit, which `net.ipv4.tcp_retries2` determines. If ``keepAliveProbes``
    /// are on, this option also replaces their count. A Multipath TCP socket does not have the
    /// option. See tcp(7).
    public static var userTimeout: Self {
        SocketOption<Int32>.number("userTimeout", .userTimeout)
            .map({ .milliseconds($0) }, \.wholeMilliseconds)
            .accepting("0 to 2147483647 ms")
            .showing { "\($0.wholeMilliseconds) ms" }
    }

    /// `TCP_DEFER_ACCEPT`: how long a listener waits for a client's first bytes before it lets the
    /// program accept the connection.
    ///
    /// Set it on a listener whose clients speak first, so that no task waits for a silent client.
    /// The kernel measures the time in retransmissions, so it rounds the value up to whole seconds
    /// and then to the time of a whole number of retransmissions. Reading the option may therefore
    /// return a larger value. 0 or less turns the option off. See tcp(7).
    public static var deferAccept: Self { seconds("deferAccept", .deferAccept) }
}

extension SocketOption<Int> {
    /// `TCP_NOTSENT_LOWAT`: the number of unsent bytes in the send queue at which the socket stops
    /// accepting more bytes.
    ///
    /// A small value, such as 16,384, keeps data out of the kernel until it can be sent. So the
    /// program can still change the data, but its writes wait for the network earlier. 0, the
    /// default, means the system's value `net.ipv4.tcp_notsent_lowat`, and −1 means no limit. See
    /// tcp(7).
    public static var notSentLowWater: Self { count("notSentLowWater", .notSentLowWater) }

    /// `TCP_FASTOPEN`: the maximum number of clients that have sent their first bytes to a listener
    /// but have not completed the handshake (RFC 7413).
    ///
    /// The kernel reduces the number to `net.core.somaxconn`, and accepts such clients only if the
    /// bit 0x2 of `net.ipv4.tcp_fastopen` is set. A client's first bytes may then arrive twice. 0
    /// turns the option off. See tcp(7).
    public static var fastOpenBacklog: Self {
        count("fastOpenBacklog", .fastOpen).accepting("0 to 2147483647, before connect")
    }
}

extension SocketOption<Bool> {
    /// `TCP_QUICKACK`: the kernel acknowledges received bytes at once instead of combining
    /// acknowledgements with sent bytes.
    ///
    /// The option is not permanent, because the kernel changes it with the traffic and when the
    /// socket listens or connects. `false` before connect lets a client send the last packet of the
    /// handshake with its first bytes. A Multipath TCP socket does not have the option. See tcp(7).
    public static var quickAck: Self { flag("quickAck", .quickAck) }

    /// `TCP_FASTOPEN_CONNECT`: connect sends nothing, and the first write sends its bytes with the
    /// first packet of the handshake (RFC 7413).
    ///
    /// The option saves a round trip if the client has connected to the server before and the
    /// server has ``fastOpenBacklog``. Otherwise connect works as usual. Set it before connect:
    ///
    /// ```swift
    /// let connection = try await Connection(
    ///     to: server, options: .init(socketOptions: [.fastOpenConnect()]))
    /// try await connection.write(request)
    /// ```
    ///
    /// Connect then succeeds before the server has answered, so a refusal or a timeout is an error
    /// of a later read or write, and the other addresses of a name are not tried. A read before the
    /// first write waits forever. The bytes of the first write may reach the server twice, so they
    /// must be harmless to repeat. See tcp(7).
    public static var fastOpenConnect: Self {
        flag("fastOpenConnect", .fastOpenConnect)
            .hinting(
                .notSupportedOnSocket,
                "The option needs TCP and the bit 0x1 of net.ipv4.tcp_fastopen.")
    }

    /// `MPTCP_INFO`: a Boolean value that indicates whether the socket uses Multipath TCP.
    ///
    /// The option is read-only. The value is `false` for sockets without Multipath TCP, for a
    /// connection whose peer does not support Multipath TCP, and before Linux 5.16. To request
    /// Multipath TCP, pass ``SocketOptionSetting/multipathTCP``. The header linux/mptcp.h defines
    /// the option.
    public static var multipathTCP: Self {
        readOnly("multipathTCP") { descriptor, _ throws(Errno) in
            try System.usesMultipathTCP(descriptor)
        }
    }
}

extension SocketOption<String> {
    /// `TCP_CONGESTION`: the congestion control algorithm, such as `cubic` or `bbr`.
    ///
    /// The names are in `net.ipv4.tcp_available_congestion_control`. A program without the
    /// capability `CAP_NET_ADMIN` may choose only those in
    /// `net.ipv4.tcp_allowed_congestion_control`. The error is `noSuchFileOrDirectory` if no
    /// algorithm has the name. See tcp(7).
    public static var congestionControl: Self {
        SocketOption(name: "congestionControl") { descriptor, _ throws(Errno) in
            try System.optionName(descriptor, .congestionControl)
        } set: { descriptor, _, name throws(Errno) in
            guard System.isOptionName(name) else { throw .noSuchFileOrDirectory }
            try System.setOption(descriptor, .congestionControl, name: name)
        }
        .hinting(
            .noSuchFileOrDirectory,
            "No algorithm has that name; see net.ipv4.tcp_available_congestion_control."
        )
        .requiring("CAP_NET_ADMIN or a name in net.ipv4.tcp_allowed_congestion_control")
        .showing { TerminalText.quoted($0) }
    }
}

extension KeepAliveProbes {
    /// The values that the kernel receives, as text for errors.
    fileprivate var text: String {
        "idle \(idle.wholeSeconds) s, interval \(interval.wholeSeconds) s, count \(count)"
    }
}

extension Duration {
    /// The duration rounded up to whole milliseconds, or −1 if it is negative.
    fileprivate var wholeMilliseconds: Int32 {
        self < .zero ? -1 : Int32(clamping: (nanosecondsRoundedUp + 999_999) / 1_000_000)
    }
}
