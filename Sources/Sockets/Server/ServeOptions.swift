public import Logging

/// The optional settings of ``Listener/serve(options:_:)``.
///
/// ```swift
/// try await listener.serve(options: ServeOptions(idleTimeout: .seconds(60))) { connection in
///     try await connection.echo()
/// }
/// ```
public struct ServeOptions: Sendable {
    /// The maximum number of open connections, or `nil` if only the available descriptors limit it.
    ///
    /// A value below 1 is treated as 1. Further clients wait in the kernel's backlog until a
    /// connection closes.
    public var maximumConnections: Int?

    /// The initial ``Connection/readTimeout`` and ``Connection/writeTimeout`` of each connection.
    ///
    /// A read or a write without its own timeout fails after waiting this long. A timeout does not
    /// undo earlier reads. If a message takes two reads and the second one times out, keep the
    /// bytes from the first.
    public var idleTimeout: TimeLimit

    /// The limit of each client's TLS handshake, 10 s by default, which includes the wait for its
    /// first bytes.
    public var handshakeTimeout: TimeLimit

    /// How long handlers may continue and connections may finish after the server has stopped
    /// accepting; zero cancels them at once.
    public var gracePeriod: Duration

    /// The logger for errors of handlers and for shortages of descriptors or memory.
    ///
    /// An error of a handler has the level `.debug` if the client has gone (it reset the connection
    /// or ended the stream too early), `.info` if the connection failed in another way, and
    /// `.warning` otherwise. A shortage has the level `.warning`, and so have handlers that have
    /// not returned at the end of the grace period.
    public var logger: Logger

    /// Creates options.
    ///
    /// Omitted parameters keep their defaults.
    public init(
        maximumConnections: Int? = nil, idleTimeout: TimeLimit = .never,
        handshakeTimeout: TimeLimit = .seconds(10), gracePeriod: Duration = .seconds(10),
        logger: Logger = Logger(label: "sockets.serve")
    ) {
        self.maximumConnections = maximumConnections
        self.idleTimeout = idleTimeout
        self.handshakeTimeout = handshakeTimeout
        self.gracePeriod = gracePeriod
        self.logger = logger
    }
}
