/// Connects to an endpoint, and closes the connection when a closure has ended.
///
/// ```swift
/// let reply = try await withConnection(to: .tcp(host, port: port)) { connection in
///     try await connection.write("hello\n")
///     return try await connection.readLine()
/// }
/// ```
///
/// When `body` returns or throws, ``Connection/close()`` closes the connection, so the bytes that
/// were written are still delivered. If the peer may still be sending, end `body` with
/// ``Connection/finish(timeout:)``. A cancellation of the task closes the connection at once, so
/// that the operations of other tasks end too.
///
/// In `body`, the operations of the current task need no cancellation handler of their own, so they
/// cost less than on a connection that is not in a scope.
///
/// - Parameters:
///   - endpoint: The peer's endpoint: TCP or a Unix stream.
///   - timeout: The time limit for the connect. `withTimeLimit` limits `body` too.
///   - tls: How to use TLS, or `nil` for a plain connection.
///   - group: The loop group. The connection belongs to one of its loops.
///   - options: The local address, the family, the socket options and the proxies.
///   - body: The code that uses the connection, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``Connection/init(to:timeout:tls:group:options:)-(Endpoint,_,_,_,_)`` throws it. In a
///   cancelled task, operations on the connection throw ``SocketError/Cause/cancelled`` or
///   ``SocketError/Cause/closed``. Closing never fails.
public func withConnection<Success>(
    to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), tls: TLSConfiguration? = nil,
    group: LoopGroup = .shared, options: ConnectOptions = ConnectOptions(),
    _ body: (Connection) async throws -> Success
) async throws -> Success {
    let connection = try await Connection(
        to: endpoint, timeout: timeout, tls: tls, group: group, options: options)
    return try await connection.closing(after: body)
}

/// Connects to an address, and closes the connection when a closure has ended; see
/// ``withConnection(to:timeout:tls:group:options:_:)-(Endpoint,_,_,_,_,_)``.
///
/// - Parameters:
///   - address: The peer's address.
///   - timeout: The time limit for the connect.
///   - tls: How to use TLS, or `nil` for a plain connection.
///   - group: The loop group. The connection belongs to one of its loops.
///   - options: The local address, the socket options and the proxies.
///   - body: The code that uses the connection, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``Connection/init(to:timeout:tls:group:options:)-(SocketAddress,_,_,_,_)`` throws it.
public func withConnection<Success>(
    to address: SocketAddress, timeout: TimeLimit = .seconds(10), tls: TLSConfiguration? = nil,
    group: LoopGroup = .shared, options: ConnectOptions = ConnectOptions(),
    _ body: (Connection) async throws -> Success
) async throws -> Success {
    let connection = try await Connection(
        to: address, timeout: timeout, tls: tls, group: group, options: options)
    return try await connection.closing(after: body)
}
