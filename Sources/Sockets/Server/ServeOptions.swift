/// What `serve` allows.
///
/// ```swift
/// try await listener.serve(limits: ServeOptions(maximumConnections: 1_000, idle: .seconds(60))) {
///     connection in try await connection.echo()
/// }
/// ```
public struct ServeOptions: Hashable, Sendable {
    /// How many connections may be open at once, at least 1; as many as there are descriptors for
    /// if nil. Callers above that wait in the kernel's queue, and are accepted as others leave.
    public var maximumConnections: Int?

    /// How long a read or a write of a connection may wait, if it is given no limit of its own: the
    /// connection's `readTimeout` and `writeTimeout` at the beginning.
    public var idle: TimeLimit

    /// Says how many connections may be open, and how long they may be idle.
    public init(maximumConnections: Int? = nil, idle: TimeLimit = .never) {
        self.maximumConnections = maximumConnections
        self.idle = idle
    }
}
