public import Logging

/// The optional settings of ``Listener/serve(options:_:)``.
///
/// ```swift
/// try await listener.serve(options: ServeOptions(idleTimeout: .seconds(60))) { connection in
///     try await connection.echo()
/// }
/// ```
public struct ServeOptions: Sendable {
    /// The maximum number of connections that are open at the same time, or `nil` for as many as
    /// there are descriptors.
    ///
    /// The smallest maximum is 1. Further clients wait in the kernel's backlog until a connection
    /// closes.
    public var maximumConnections: Int?

    /// The initial ``Connection/readTimeout`` and ``Connection/writeTimeout`` of each connection.
    ///
    /// A read or a write that has no timeout of its own fails when it has waited this long.
    public var idleTimeout: TimeLimit

    /// How long handlers may continue after the server has stopped accepting; zero cancels them at
    /// once.
    public var gracePeriod: Duration

    /// The logger for errors of handlers and for shortages of descriptors or memory.
    ///
    /// An error of a handler has the level `.info` if the connection failed, and `.warning`
    /// otherwise. A shortage has the level `.warning`.
    public var logger: Logger

    /// Creates options; the parameters that you leave out keep their defaults.
    public init(
        maximumConnections: Int? = nil, idleTimeout: TimeLimit = .never,
        gracePeriod: Duration = .seconds(10), logger: Logger = Logger(label: "sockets.serve")
    ) {
        self.maximumConnections = maximumConnections
        self.idleTimeout = idleTimeout
        self.gracePeriod = gracePeriod
        self.logger = logger
    }
}
