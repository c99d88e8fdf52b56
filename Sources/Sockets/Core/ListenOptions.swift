/// The optional settings for binding and listening, passed as `options:` to an initializer with
/// `on:`.
///
/// ```swift
/// let listener = try await Listener(on: .tcp(port: 51423), options: .init(reusePort: true))
/// ```
public struct ListenOptions: Sendable {
    /// The largest backlog that a program can request.
    ///
    /// The kernel reduces it to its own limit, `net.core.somaxconn`.
    public static let maximumBacklog = Int(Int32.max)

    /// The only address family to bind, or `nil` to allow every family.
    ///
    /// If it is `nil` and the endpoint has no host or the host `::`, the socket serves IPv4 and
    /// IPv6. ``AddressFamily/ipv6`` restricts such a socket to IPv6. Both kinds of socket have the
    /// local address `[::]`, and the option ``SocketOption/ipv6Only`` distinguishes them.
    public var family: AddressFamily?

    /// The maximum number of clients that wait to be accepted; see ``Socket/listen(backlog:)``.
    ///
    /// Datagram sockets have no backlog.
    public var backlog: Int

    /// A Boolean value that indicates whether several sockets may bind the port (`SO_REUSEPORT`).
    public var reusePort: Bool

    /// A Boolean value that indicates whether each loop of a ``Listener``'s group has its own
    /// listening socket.
    ///
    /// `true` is allowed only for TCP, and only `serve` uses the value.
    public var sharded: Bool

    /// The socket options to set, in order, before bind.
    ///
    /// Accepted TCP connections inherit most options; see ``SocketOption``. If the kernel rejects
    /// an option, the error names the option and its value.
    public var socketOptions: [SocketOptionSetting]

    /// Creates options.
    ///
    /// Omitted parameters keep their defaults.
    public init(
        family: AddressFamily? = nil, backlog: Int = Self.maximumBacklog, reusePort: Bool = false,
        sharded: Bool = false, socketOptions: [SocketOptionSetting] = []
    ) {
        self.family = family
        self.backlog = backlog
        self.reusePort = reusePort
        self.sharded = sharded
        self.socketOptions = socketOptions
    }

    /// Throws an error if `sharded` is true, because this type of socket cannot be sharded.
    func checkUnsharded(on endpoint: Endpoint? = nil) throws(SocketError) {
        guard !sharded else {
            throw SocketError(
                .bind, .invalidInput("only a Listener can be sharded"),
                endpoint: endpoint)
        }
    }
}
