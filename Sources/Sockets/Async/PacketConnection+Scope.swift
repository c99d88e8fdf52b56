/// Connects to an endpoint, and closes the packet connection when a closure has ended.
///
/// ```swift
/// let endpoint = Endpoint.unixSequencedPacket("/run/app.sock")
/// let answer = try await withPacketConnection(to: endpoint) { connection in
///     try await connection.send("status")
///     return try await connection.receive()
/// }
/// ```
///
/// When `body` returns or throws, ``PacketConnection/close()`` closes the connection, so the peer
/// can still receive the packets that were sent. A cancellation of the task closes the connection
/// at once, so that the operations of other tasks end too. In `body`, the operations of the current
/// task need no cancellation handler of their own. The blocking counterpart is
/// ``withSocket(to:timeout:tls:options:_:)``.
///
/// - Parameters:
///   - endpoint: The peer's endpoint: a Unix sequenced-packet socket.
///   - timeout: The time limit for the connect. `withTimeLimit` limits `body` too.
///   - group: The loop group. The connection belongs to one of its loops.
///   - options: The local address and the socket options.
///   - body: The code that uses the connection, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``PacketConnection/init(to:timeout:group:options:)-(Endpoint,_,_,_)`` throws it. In a
///   cancelled task, operations on the connection throw ``SocketError/Cause/cancelled`` or
///   ``SocketError/Cause/closed``. Closing never fails.
public func withPacketConnection<Success>(
    to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), group: LoopGroup = .shared,
    options: ConnectOptions = ConnectOptions(),
    _ body: (PacketConnection) async throws -> Success
) async throws -> Success {
    let connection = try await PacketConnection(
        to: endpoint, timeout: timeout, group: group, options: options)
    return try await connection.closing(after: body)
}

/// Connects to an address, and closes the packet connection when a closure has ended; see
/// ``withPacketConnection(to:timeout:group:options:_:)-(Endpoint,_,_,_,_)``.
///
/// - Parameters:
///   - address: The peer's address.
///   - timeout: The time limit for the connect.
///   - group: The loop group. The connection belongs to one of its loops.
///   - options: The local address and the socket options.
///   - body: The code that uses the connection, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``PacketConnection/init(to:timeout:group:options:)-(SocketAddress,_,_,_)`` throws it.
public func withPacketConnection<Success>(
    to address: SocketAddress, timeout: TimeLimit = .seconds(10), group: LoopGroup = .shared,
    options: ConnectOptions = ConnectOptions(),
    _ body: (PacketConnection) async throws -> Success
) async throws -> Success {
    let connection = try await PacketConnection(
        to: address, timeout: timeout, group: group, options: options)
    return try await connection.closing(after: body)
}
