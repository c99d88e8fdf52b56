internal import SystemPackage

/// An async connection that transfers packets over a Unix socket: `SOCK_SEQPACKET` in unix(7).
///
/// The kernel delivers each packet once, as a whole and in order. Waiting suspends the task without
/// blocking a thread.
///
/// ```swift
/// let connection = try await PacketConnection(to: .unixSequencedPacket("/run/app.sock"))
/// try await connection.send("status")
/// let answer = try await connection.receive()
/// ```
///
/// A server accepts such connections with ``Listener/acceptPacketConnection(timeout:)``. The
/// blocking counterpart is a ``Socket`` of the type ``SocketType/sequencedPacket``, with
/// ``Socket/receivePacket(atMost:timeout:)``.
///
/// Several tasks may send. If there is no buffer space, they wait and send in the order of their
/// calls. One task at a time may receive. A second task that receives gets
/// ``SocketError/Cause/busy``. Cancelling a task ends its wait at once with
/// ``SocketError/Cause/cancelled``, and no packet is lost. Neither a cancellation nor a timeout
/// affects later operations.
///
/// An empty packet is not the end of the connection. recvmsg(2) returns 0 for both, and Linux does
/// not report `MSG_EOR`, so only the option `SO_TIMESTAMP` distinguishes them. A packet connection
/// sets this option, which stays set after ``release()``.
///
/// A connection is closed by ``close()`` or when its last reference is released.
public final class PacketConnection: LoopSocket, Sendable {
    /// The local address, or ``SocketAddress/unnamed`` if the socket is not bound.
    public let localAddress: SocketAddress

    /// The address of the peer, or ``SocketAddress/unnamed`` for a client without an address.
    public let remoteAddress: SocketAddress

    let source: EventSource
    let family: AddressFamily
    /// The socket file of a client that is bound to a path.
    let file: UnixSocketFile?
    /// The memory for the received packet.
    let memory = MessageMemory()
    /// The error that broke the connection.
    let brokenBy: ConnectionError

    /// Creates a connection to an endpoint.
    ///
    /// While the backlog of the server is full, the call retries every few milliseconds, because
    /// the kernel does not report when the backlog has space.
    ///
    /// ```swift
    /// let connection = try await PacketConnection(to: .unixSequencedPacket("/run/app.sock"))
    /// ```
    ///
    /// - Parameters:
    ///   - endpoint: The peer's endpoint: a Unix sequenced-packet socket.
    ///   - timeout: How long to wait.
    ///   - group: The loop group. The connection belongs to one of its loops.
    ///   - options: The local address and the socket options.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the endpoint is not a Unix sequenced-packet
    ///     socket, or if the options contain a proxy.
    ///   - ``SocketError/Cause/system(_:)`` with the kernel's error, for example
    ///     `connectionRefused`.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the backlog had no space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    public convenience init(
        to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), group: LoopGroup = .shared,
        options: ConnectOptions = ConnectOptions()
    ) async throws(SocketError) {
        try endpoint.require(.sequencedPacket, for: .connect)
        let loop = group.next()
        let deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            let addresses = try await Lookup.addresses(
                of: endpoint, options.family, until: deadline, on: loop)
            try await self.init(toOneOf: addresses, options, deadline, on: loop)
        } catch {
            throw error.connecting(to: endpoint)
        }
    }

    /// Creates a connection to an address; see
    /// ``init(to:timeout:group:options:)-(Endpoint,_,_,_)``.
    ///
    /// - Parameters:
    ///   - address: The peer's address.
    ///   - timeout: How long to wait.
    ///   - group: The loop group. The connection belongs to one of its loops.
    ///   - options: The local address and the socket options.
    /// - Throws: The errors of ``init(to:timeout:group:options:)-(Endpoint,_,_,_)``.
    public convenience init(
        to address: SocketAddress, timeout: TimeLimit = .seconds(10), group: LoopGroup = .shared,
        options: ConnectOptions = ConnectOptions()
    ) async throws(SocketError) {
        try await self.init(
            toOneOf: [address], options, Deadline(startingNow: timeout), on: group.next())
    }

    private convenience init(
        toOneOf addresses: [SocketAddress], _ options: ConnectOptions, _ deadline: Deadline,
        on loop: EventLoop
    ) async throws(SocketError) {
        // Throw if there is a proxy, because it cannot transfer packets.
        if let address = addresses.first { _ = try options.hops(to: address, .sequencedPacket) }
        try loop.checkStarted()
        let attempts = try ConnectAttempts(to: addresses, .sequencedPacket, options, deadline)
        let socket = try await attempts.connect(on: loop)
        let remote = socket.remoteAddress
        do throws(Errno) {
            try self.init(taking: socket, on: loop)
        } catch {
            throw SocketError(.connect, .system(error), remoteAddress: remote)
        }
    }

    /// Creates two connections that are connected to each other, as socketpair(2) does.
    ///
    /// ```swift
    /// let (client, server) = try PacketConnection.pair()
    /// ```
    ///
    /// - Parameter group: The loop group. Each connection belongs to one of its loops.
    /// - Returns: The two connections.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if no descriptors
    ///   are left.
    public static func pair(
        group: LoopGroup = .shared
    ) throws(SocketError) -> (PacketConnection, PacketConnection) {
        try group.loops[0].checkStarted()
        let pair = try OwnedSocket.pair(.sequencedPacket)
        do throws(Errno) {
            return (
                try PacketConnection(taking: pair.one, on: group.next()),
                try PacketConnection(taking: pair.other, on: group.next())
            )
        } catch {
            throw SocketError(.createSocket, .system(error))
        }
    }

    /// Creates a connection that takes ownership of a connected socket.
    ///
    /// The socket may be in blocking mode, because no call of the connection waits in the kernel.
    init(taking socket: consuming OwnedSocket, on loop: EventLoop) throws(Errno) {
        family = socket.family
        localAddress = socket.localAddress ?? .unnamed
        remoteAddress = socket.remoteAddress ?? .unnamed
        file = socket.file
        brokenBy = socket.connectionError ?? ConnectionError()
        try System.setOption(socket.descriptor.number, .timestamp, 1)
        let traits = socket.traits
        source = try EventSource(owning: socket.descriptor, with: traits, on: loop)
    }

    deinit { close() }

    /// Closes the connection.
    ///
    /// Waiting tasks and all later calls get ``SocketError/Cause/closed``. The call never waits.
    /// The peer can still receive the packets that the kernel has accepted. If this side has not
    /// received all packets from the peer, the peer then gets `ECONNRESET` instead of the end of
    /// the connection. A second call does nothing.
    public func close() {
        file?.remove()
        source.close()
    }

    /// A Boolean value that indicates whether ``close()`` has been called.
    public var isClosed: Bool { source.lifetime.isClosed }

    /// Shuts down one or both directions of the connection, as shutdown(2) does.
    ///
    /// After a half-close, the peer gets the end of the connection and can still send packets.
    ///
    /// - Parameter direction: The direction.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/closed`` if the connection was
    ///   closed on this side.
    public func shutdown(_ direction: ShutdownDirection) throws(SocketError) {
        try end(direction)
    }

    /// The credentials of the peer's process: getsockopt(2) with `SO_PEERCRED` and `SO_PEERGROUPS`.
    ///
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/closed`` if the connection was
    ///   closed on this side.
    public var peerCredentials: PeerCredentials {
        get throws(SocketError) { try readPeerCredentials() }
    }

    var peerAddress: SocketAddress? { remoteAddress }

    var connectionError: ConnectionError? { brokenBy }

    /// The access to the descriptor, for the library's own use.
    public var _access: _DescriptorAccess { _DescriptorAccess(owner: self) }

    /// Returns the error of a failed operation.
    func failure(_ operation: SocketError.Operation, _ cause: SocketError.Cause) -> SocketError {
        SocketError(operation, cause, localAddress: localAddress, remoteAddress: remoteAddress)
    }
}
