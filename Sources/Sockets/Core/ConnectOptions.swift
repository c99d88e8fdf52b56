/// The optional settings of a connect: an initializer with `to:` takes them as `options:`.
///
/// ```swift
/// let connection = try await Connection(
///     to: .tcp("www.example.com", port: "http"), options: .init(family: .ipv4))
/// ```
public struct ConnectOptions: Sendable {
    /// The local address, or the local port, to connect from; `nil` lets the kernel choose.
    ///
    /// A Unix datagram socket needs one if it is to receive replies.
    public var localAddress: SocketAddress?

    /// The only address family to try; `nil` tries all addresses of the endpoint.
    public var family: AddressFamily?

    /// The socket options that are set on each attempt, in order, before bind and connect.
    public var socketOptions: [SocketOptionSetting]

    /// Creates options; each one that is left out keeps its default.
    public init(
        localAddress: SocketAddress? = nil, family: AddressFamily? = nil,
        socketOptions: [SocketOptionSetting] = []
    ) {
        self.localAddress = localAddress
        self.family = family
        self.socketOptions = socketOptions
    }
}
