/// The optional settings for connecting, passed as `options:` to an initializer with `to:`.
///
/// ```swift
/// let connection = try await Connection(
///     to: .tcp("www.example.com", port: "http"), options: .init(family: .ipv4))
/// ```
public struct ConnectOptions: Sendable {
    /// The local address or port to connect from, or `nil` to let the kernel choose.
    ///
    /// An unspecified address (`0.0.0.0` or `::`) with a port applies the port to attempts of both
    /// families.
    ///
    /// A Unix datagram socket needs a local address to receive replies.
    public var localAddress: SocketAddress?

    /// The only address family to try, or `nil` to try all addresses of the endpoint.
    public var family: AddressFamily?

    /// The socket options to set on each attempt, in order, before bind and connect.
    public var socketOptions: [SocketOptionSetting]

    /// Creates options.
    ///
    /// Omitted parameters keep their defaults.
    public init(
        localAddress: SocketAddress? = nil, family: AddressFamily? = nil,
        socketOptions: [SocketOptionSetting] = []
    ) {
        self.localAddress = localAddress
        self.family = family
        self.socketOptions = socketOptions
    }
}
