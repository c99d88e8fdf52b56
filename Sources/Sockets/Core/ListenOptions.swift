/// The optional settings of a bind: an initializer with `on:` takes them as `options:`.
///
/// ```swift
/// let listener = try await Listener(on: .tcp(port: 51423), options: .init(reusePort: true))
/// ```
public struct ListenOptions: Sendable {
    /// The largest backlog that the kernel accepts.
    ///
    /// It lowers the number to its own limit, `net.core.somaxconn`.
    public static let maximumBacklog = Int(Int32.max)

    /// The only address family to bind; `nil` serves IPv4 and IPv6 if the endpoint has no host.
    public var family: AddressFamily?

    /// How many clients may wait to be accepted; see ``Socket/listen(backlog:)``.
    ///
    /// Datagram sockets have no backlog.
    public var backlog: Int

    /// A Boolean value that indicates whether several sockets may bind the port (`SO_REUSEPORT`).
    public var reusePort: Bool

    /// A Boolean value that indicates whether each loop of a ``Listener``'s group gets a listening
    /// socket of its own.
    ///
    /// TCP only, and only for `serve`.
    public var sharded: Bool

    /// The socket options that are set, in order, before bind.
    public var socketOptions: [SocketOptionSetting]

    /// Creates options; each one that is left out keeps its default.
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

    /// Refuses `sharded` for sockets that cannot be sharded.
    func checkUnsharded() throws(SocketError) {
        guard !sharded else {
            throw SocketError(
                .bind, .invalidInput("sharded is an option of Listener: expected sharded: false"))
        }
    }
}
