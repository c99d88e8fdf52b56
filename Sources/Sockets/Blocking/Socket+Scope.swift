/// Connects to an endpoint, and closes the socket when a closure has ended.
///
/// ```swift
/// let reply = try withSocket(to: .tcp(host, port: port)) { socket in
///     try socket.sendAll("hello\n")
///     return try socket.receive(atMost: 512, timeout: .seconds(10))
/// }
/// ```
///
/// When `body` returns or throws, ``Socket/close()`` closes the socket, so the bytes that were sent
/// are still delivered. A ``SocketStream`` on the socket must flush its bytes before `body` ends. If
/// the peer may still be sending, end `body` with ``Socket/finish(timeout:)``. The call blocks the thread; the async counterpart is
/// ``withConnection(to:timeout:tls:group:options:_:)-(Endpoint,_,_,_,_,_)``.
///
/// - Parameters:
///   - endpoint: The peer's endpoint, whose transport determines the socket's type.
///   - timeout: The time limit for the connect. `withTimeLimit` limits `body` too.
///   - tls: How to use TLS, or `nil` for a plain connection.
///   - options: The local address, the family, the socket options and the proxies.
///   - body: The code that uses the socket.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``Socket/init(to:timeout:tls:options:)`` throws it. Closing never fails.
public func withSocket<Success>(
    to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), tls: TLSConfiguration? = nil,
    options: ConnectOptions = ConnectOptions(), _ body: (Socket) throws -> Success
) throws -> Success {
    let socket = try Socket(to: endpoint, timeout: timeout, tls: tls, options: options)
    defer { socket.close() }
    return try body(socket)
}

/// Connects to an address, and closes the socket when a closure has ended; see
/// ``withSocket(to:timeout:tls:options:_:)``.
///
/// - Parameters:
///   - address: The peer's address.
///   - type: The socket's type, which an address does not specify.
///   - timeout: The time limit for the connect.
///   - tls: How to use TLS, or `nil` for a plain connection.
///   - options: The local address, the socket options and the proxies.
///   - body: The code that uses the socket.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``Socket/init(to:type:timeout:tls:options:)`` throws it.
public func withSocket<Success>(
    to address: SocketAddress, type: SocketType = .stream, timeout: TimeLimit = .seconds(10),
    tls: TLSConfiguration? = nil, options: ConnectOptions = ConnectOptions(),
    _ body: (Socket) throws -> Success
) throws -> Success {
    let socket = try Socket(
        to: address, type: type, timeout: timeout, tls: tls, options: options)
    defer { socket.close() }
    return try body(socket)
}

/// Binds a socket to an endpoint, and closes the socket when a closure has ended.
///
/// Unless it is a datagram socket, the socket listens.
///
/// ```swift
/// try withSocket(on: .tcp(port: 51423)) { server in
///     let client = try server.accept()
///     try client.sendAll("hello\n")
/// }
/// ```
///
/// The socket is closed when `body` returns or throws. The call blocks the thread; the async
/// counterparts are ``withListener(on:timeout:tls:group:options:_:)`` and
/// ``withDatagramChannel(on:timeout:group:options:_:)``.
///
/// - Parameters:
///   - endpoint: The local endpoint, whose transport determines the socket's type.
///   - timeout: The time limit for the name lookup.
///   - options: The family, the backlog and the socket options.
///   - body: The code that uses the socket.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as ``Socket/init(on:timeout:options:)`` throws
///   it. Closing never fails.
public func withSocket<Success>(
    on endpoint: Endpoint, timeout: TimeLimit = .never, options: ListenOptions = ListenOptions(),
    _ body: (Socket) throws -> Success
) throws -> Success {
    let socket = try Socket(on: endpoint, timeout: timeout, options: options)
    defer { socket.close() }
    return try body(socket)
}

/// Binds a socket to an address, and closes the socket when a closure has ended; see
/// ``withSocket(on:timeout:options:_:)``.
///
/// - Parameters:
///   - address: The local address.
///   - type: The socket's type, which an address does not specify.
///   - options: The backlog, the socket options and whether `::` serves only IPv6.
///   - body: The code that uses the socket.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as ``Socket/init(on:type:options:)`` throws
///   it.
public func withSocket<Success>(
    on address: SocketAddress, type: SocketType = .stream,
    options: ListenOptions = ListenOptions(), _ body: (Socket) throws -> Success
) throws -> Success {
    let socket = try Socket(on: address, type: type, options: options)
    defer { socket.close() }
    return try body(socket)
}
