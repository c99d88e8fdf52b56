/// The times at which the kernel probes the peer of an idle TCP connection, and gives up.
///
/// ```swift
/// let options = ConnectOptions(socketOptions: [
///     .keepAlive(idle: .seconds(60), interval: .seconds(10), count: 3)
/// ])
/// ```
///
/// With these values, the kernel notices after 90 s that a peer is gone. It then ends the
/// connection with the error `timedOut`. See tcp(7) and ``SocketOption/keepAliveProbes``.
public struct KeepAliveProbes: Hashable, Sendable {
    /// How long a connection is idle before the first probe, 1 s to 32,767 s, rounded up to whole
    /// seconds.
    public var idle: Duration

    /// The time between two probes, 1 s to 32,767 s, rounded up to whole seconds.
    public var interval: Duration

    /// The number of unanswered probes after which the kernel ends the connection, 1 to 127.
    public var count: Int

    /// Creates a value.
    ///
    /// The defaults are those of Linux.
    public init(
        idle: Duration = .seconds(7_200), interval: Duration = .seconds(75), count: Int = 9
    ) {
        self.idle = idle
        self.interval = interval
        self.count = count
    }
}
