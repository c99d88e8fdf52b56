public import Logging

/// The optional settings of ``Listener/serve(options:_:)`` and
/// ``Socket/serve(threads:options:_:)``.
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

    /// The time limit for each TLS handshake, including the wait for the client's first bytes; 10 s
    /// by default.
    public var handshakeTimeout: TimeLimit

    /// How long handlers may continue and connections may finish after the server has stopped
    /// accepting.
    ///
    /// Zero cancels the handlers at once.
    public var gracePeriod: Duration

    /// The logger for errors of handlers and for shortages of descriptors or memory.
    ///
    /// The log levels are:
    ///
    /// - `.debug` if a handler throws a ``SocketError`` because the client has gone. The client
    ///   reset the connection, for example, or ended the stream too early.
    /// - `.info` if a handler throws another ``SocketError``.
    /// - `.warning` if a handler throws any other error, if descriptors or memory run short, or if
    ///   handlers have not returned at the end of the grace period.
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
