/// Listens on an endpoint, and closes the listener when a closure has ended.
///
/// ```swift
/// try await withListener(on: .tcp(port: 51423)) { listener in
///     print("listening on", listener.localAddress)
///     try await listener.serve { connection in try await connection.echo() }
/// }
/// ```
///
/// The listener is closed when `body` returns or throws. Clients in the backlog are then reset. A
/// cancellation of the task ends a waiting accept, but the listener stays open until `body` ends.
///
/// - Parameters:
///   - endpoint: The local endpoint: TCP, a Unix stream or a Unix sequenced-packet socket.
///   - timeout: The time limit for the name lookup.
///   - tls: How the connections use TLS, or `nil` for plain connections.
///   - group: The loops that wait for clients and serve them.
///   - options: The family, the backlog, the socket options, and whether the listener is sharded.
///   - body: The code that uses the listener, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``Listener/init(on:timeout:tls:group:options:)`` throws it.
public func withListener<Success>(
    on endpoint: Endpoint, timeout: TimeLimit = .never, tls: TLSConfiguration? = nil,
    group: LoopGroup = .shared, options: ListenOptions = ListenOptions(),
    _ body: (Listener) async throws -> Success
) async throws -> Success {
    let listener = try await Listener(
        on: endpoint, timeout: timeout, tls: tls, group: group, options: options)
    // There is no cancellation scope here. `serve` has one for each shard, and a cancellation
    // handler costs little in comparison with an accept.
    defer { listener.close() }
    return try await body(listener)
}

/// Listens on an address, and closes the listener when a closure has ended; see
/// ``withListener(on:timeout:tls:group:options:_:)``.
///
/// - Parameters:
///   - address: The local address.
///   - tls: How the connections use TLS, or `nil` for plain connections.
///   - group: The loops that wait for clients and serve them.
///   - options: Whether `::` serves only IPv6, the backlog, the socket options, and whether the
///     listener is sharded.
///   - body: The code that uses the listener, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as ``Listener/init(on:tls:group:options:)``
///   throws it.
public func withListener<Success>(
    on address: SocketAddress, tls: TLSConfiguration? = nil, group: LoopGroup = .shared,
    options: ListenOptions = ListenOptions(), _ body: (Listener) async throws -> Success
) async throws -> Success {
    let listener = try Listener(on: address, tls: tls, group: group, options: options)
    defer { listener.close() }
    return try await body(listener)
}
