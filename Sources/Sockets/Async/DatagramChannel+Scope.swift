/// Opens a channel that receives the datagrams sent to an endpoint, and closes it when a closure
/// has ended.
///
/// ```swift
/// try await withDatagramChannel(on: .udp(port: 51423)) { channel in
///     for try await datagram in channel {
///         try await channel.reply(to: datagram, with: datagram.bytes)
///     }
/// }
/// ```
///
/// When `body` returns or throws, ``DatagramChannel/close()`` closes the channel, so the datagrams
/// that the kernel has accepted are still sent. A cancellation of the task closes the channel at
/// once, so that the operations of other tasks end too. In `body`, the operations of the current
/// task need no cancellation handler of their own.
///
/// - Parameters:
///   - endpoint: The local endpoint: UDP or Unix datagram.
///   - timeout: The time limit for the name lookup.
///   - group: The loop group. One of its loops waits for the datagrams.
///   - options: The family and the socket options.
///   - body: The code that uses the channel, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``DatagramChannel/init(on:timeout:group:options:)`` throws it. In a cancelled task, operations
///   on the channel throw ``SocketError/Cause/cancelled`` or ``SocketError/Cause/closed``, and a
///   loop over the channel may end without an error. Closing never fails.
public func withDatagramChannel<Success>(
    on endpoint: Endpoint, timeout: TimeLimit = .never, group: LoopGroup = .shared,
    options: ListenOptions = ListenOptions(), _ body: (DatagramChannel) async throws -> Success
) async throws -> Success {
    let channel = try await DatagramChannel(
        on: endpoint, timeout: timeout, group: group, options: options)
    return try await channel.closing(isConnection: false, after: body)
}

/// Opens a channel that receives the datagrams sent to an address, and closes it when a closure has
/// ended; see ``withDatagramChannel(on:timeout:group:options:_:)``.
///
/// - Parameters:
///   - address: The local address.
///   - group: The loop group. One of its loops waits for the datagrams.
///   - options: Whether `::` serves only IPv6, and the socket options.
///   - body: The code that uses the channel, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``DatagramChannel/init(on:group:options:)`` throws it.
public func withDatagramChannel<Success>(
    on address: SocketAddress, group: LoopGroup = .shared,
    options: ListenOptions = ListenOptions(), _ body: (DatagramChannel) async throws -> Success
) async throws -> Success {
    let channel = try DatagramChannel(on: address, group: group, options: options)
    return try await channel.closing(isConnection: false, after: body)
}

/// Opens a channel that is connected to an endpoint, and closes it when a closure has ended.
///
/// ```swift
/// let reply = try await withDatagramChannel(to: .udp(host, port: port)) { channel in
///     try await channel.send("ping")
///     return try await channel.receive(timeout: .seconds(2))
/// }
/// ```
///
/// The channel is closed as described for ``withDatagramChannel(on:timeout:group:options:_:)``.
///
/// - Parameters:
///   - endpoint: The peer's endpoint: UDP or Unix datagram.
///   - timeout: The time limit for the name lookup.
///   - group: The loop group. One of its loops waits for the datagrams.
///   - options: The local address, the family and the socket options.
///   - body: The code that uses the channel, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``DatagramChannel/init(to:timeout:group:options:)`` throws it.
public func withDatagramChannel<Success>(
    to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), group: LoopGroup = .shared,
    options: ConnectOptions = ConnectOptions(), _ body: (DatagramChannel) async throws -> Success
) async throws -> Success {
    let channel = try await DatagramChannel(
        to: endpoint, timeout: timeout, group: group, options: options)
    return try await channel.closing(isConnection: false, after: body)
}

/// Opens a channel that is connected to an address, and closes it when a closure has ended; see
/// ``withDatagramChannel(to:timeout:group:options:_:)``.
///
/// - Parameters:
///   - address: The peer's address.
///   - group: The loop group. One of its loops waits for the datagrams.
///   - options: The local address and the socket options.
///   - body: The code that uses the channel, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`, or ``SocketError`` as
///   ``DatagramChannel/init(to:group:options:)`` throws it.
public func withDatagramChannel<Success>(
    to address: SocketAddress, group: LoopGroup = .shared,
    options: ConnectOptions = ConnectOptions(), _ body: (DatagramChannel) async throws -> Success
) async throws -> Success {
    let channel = try DatagramChannel(to: address, group: group, options: options)
    return try await channel.closing(isConnection: false, after: body)
}
