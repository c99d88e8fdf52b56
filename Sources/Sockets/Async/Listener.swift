internal import Synchronization
internal import SystemPackage

/// An async listening socket over TCP or a Unix socket, which accepts connections.
///
/// ```swift
/// try await Listener(on: .tcp(port: 51423)).serve { connection in try await connection.echo() }
/// ```
///
/// A server usually calls ``serve(options:_:)``, which does everything that a server must do. For
/// more control, iterate over the listener with `for try await`, which survives aborted clients and
/// shortages of descriptors. ``accept(timeout:)`` skips aborted clients too, but throws all other
/// errors.
///
/// ### Sharding
///
/// One thread accepts all clients and assigns them to the loops in turn. If clients connect and
/// disconnect so fast that this thread is the bottleneck, each loop can have its own socket. The
/// kernel then distributes the clients (`SO_REUSEPORT`):
///
/// ```swift
/// let listener = try await Listener(on: .tcp(port: port), options: .init(sharded: true))
/// ```
///
/// A sharded listener works with ``serve(options:_:)`` only, and has these effects:
///
/// - A client stays on the loop that accepted it, even if that loop is busy and others are idle.
/// - Other programs of the same user can also bind the port. If a server is started twice, each
///   process gets half of the clients, and neither gets an error.
/// - The kernel assigns a client to a socket before the client is accepted. When a program closes
///   its listener, the clients in the backlog are lost even if another program serves the same
///   port. Linux can migrate these clients (`net.ipv4.tcp_migrate_req`).
///
/// A listener is closed by ``close()`` or when its last reference is released.
public final class Listener: LoopSocket, Sendable {
    /// The local address with the port that the kernel chose.
    ///
    /// If the listener is bound to the wildcard address, this property is the wildcard address.
    public let localAddress: SocketAddress

    let source: EventSource
    let group: LoopGroup
    /// How the connections use TLS, or `nil` for plain connections.
    let tls: TLSConfiguration?
    /// Wakes the acceptor, which waits for a free slot or pauses after a shortage.
    let retryWakeup = Wakeup()
    let family: AddressFamily
    /// The type of the socket and of its clients: a stream or a sequenced-packet socket.
    let type: SocketType
    let file: UnixSocketFile?
    /// A Boolean value that indicates whether other code may clear `O_NONBLOCK`, because it has
    /// used the descriptor or may have another descriptor of the same socket.
    let modeMayChange: Atomic<Bool>
    /// A Boolean value that indicates whether the local address is a wildcard, so clients may
    /// connect to different addresses of this machine.
    private let isWildcard: Bool
    /// A Boolean value that indicates whether each loop of the group accepts with its own socket.
    let isSharded: Bool
    /// The shards of the other loops, which have the same address.
    let siblings: [Listener]

    /// Creates a listener on an endpoint.
    ///
    /// An endpoint without a host, or with the host `::`, means every interface. One socket then
    /// serves IPv4 and IPv6, unless ``ListenOptions/family`` restricts it to IPv6. On a machine
    /// without IPv6, an endpoint without a host serves only IPv4. On a TCP socket, `SO_REUSEADDR`
    /// is set, so that a server can restart at once. `TCP_NODELAY` is set too, and the connections
    /// inherit it. With port 0, the kernel chooses a port; see ``localAddress``. On a Unix path,
    /// the listener replaces the socket file of a server that has ended. If a running server uses
    /// the path, or if the path is another kind of file, the call throws `.addressInUse`.
    /// ``close()`` removes the socket file. A separate thread resolves the host's name. The call
    /// abandons this thread after a timeout or a cancellation.
    ///
    /// ```swift
    /// let listener = try await Listener(on: .tcp("127.0.0.1", port: 0))
    /// print("listening on", listener.localAddress)
    /// ```
    ///
    /// If the host has several addresses, as `localhost` may have, the listener is bound only to
    /// the first one that the kernel accepts; see ``localAddress``. Leave the host empty to serve
    /// IPv4 and IPv6.
    ///
    /// - Parameters:
    ///   - endpoint: The local endpoint: TCP, a Unix stream or a Unix sequenced-packet socket. On a
    ///     sequenced-packet socket, accept clients with ``acceptPacketConnection(timeout:)``.
    ///   - timeout: The time limit for the name lookup.
    ///   - tls: How the connections use TLS, such as `.server(identity)`, or `nil` for plain
    ///     connections.
    ///   - group: The loops that wait for clients and serve them.
    ///   - options: The family, the backlog, the socket options, and whether the listener is
    ///     sharded.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)``, for example with `.addressInUse`, if the kernel
    ///     rejects the address.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the endpoint is a datagram endpoint, if it is
    ///     a Unix path and `options` request sharding, if the TLS configuration is a client's, or
    ///     if TLS is requested for sequenced packets.
    ///   - ``SocketError/Cause/nameResolution(_:)`` or
    ///     ``SocketError/Cause/unknownService(_:transport:)`` if the host or the service does not
    ///     exist.
    ///   - ``SocketError/Cause/tls(_:)`` if the TLS configuration cannot be used.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the name lookup took too long.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    public convenience init(
        on endpoint: Endpoint, timeout: TimeLimit = .never, tls: TLSConfiguration? = nil,
        group: LoopGroup = .shared, options: ListenOptions = ListenOptions()
    ) async throws(SocketError) {
        try endpoint.require(.stream, or: .sequencedPacket, for: .listen)
        if let tls { try Self.check(tls, endpoint) }
        if options.sharded { try Self.checkSharding(endpoint) }
        let options = Self.withNoDelay(options, isTCP: endpoint.transport == .tcp)
        let socket = try await OwnedSocket.bound(on: endpoint, timeout, options, group)
        try self.init(listening: socket, tls, options, group)
    }

    /// Checks that a TLS configuration is a server's and can be used.
    private static func check(
        _ tls: TLSConfiguration, _ endpoint: Endpoint? = nil, _ address: SocketAddress? = nil
    ) throws(SocketError) {
        let cause: SocketError.Cause
        do throws(TLSFailure) {
            _ = try tls.context()
            if endpoint?.transport.socketType == .sequencedPacket {
                cause = .invalidInput("TLS needs a stream, but the endpoint transfers packets")
            } else if tls.role == .server {
                return
            } else {
                cause = .invalidInput("the TLS configuration is a client's: expected .server")
            }
        } catch {
            cause = .tls(error)
        }
        throw SocketError(.listen, cause, endpoint: endpoint, localAddress: address)
    }

    /// Creates a listener on an address.
    ///
    /// The address `::` serves IPv4 and IPv6 unless ``ListenOptions/family`` is
    /// ``AddressFamily/ipv6``. No other IPv6 address serves IPv4. An IPv4-mapped address, such as
    /// `::ffff:127.0.0.1`, is bound as its IPv4 address.
    ///
    /// - Parameters:
    ///   - address: The local address.
    ///   - tls: How the connections use TLS, such as `.server(identity)`, or `nil` for plain
    ///     connections.
    ///   - group: The loops that wait for clients and serve them.
    ///   - options: Whether `::` serves only IPv6, the backlog, the socket options, and whether the
    ///     listener is sharded.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)``, for example with `.addressInUse`, if the kernel
    ///     rejects the address.
    ///   - ``SocketError/Cause/tls(_:)`` if the TLS configuration cannot be used.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `address` is a Unix path and `options` request
    ///     sharding, or if the TLS configuration is a client's.
    public convenience init(
        on address: SocketAddress, tls: TLSConfiguration? = nil, group: LoopGroup = .shared,
        options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        if let tls { try Self.check(tls, nil, address) }
        if options.sharded { try Self.checkSharding(address) }
        let options = Self.withNoDelay(options, isTCP: address.family != .unix)
        let socket = try OwnedSocket.bound(on: address, .stream, options)
        try self.init(listening: socket, tls, options, group)
    }

    /// Returns the options with `TCP_NODELAY` for TCP, because connections inherit it from the
    /// listening socket.
    private static func withNoDelay(_ options: ListenOptions, isTCP: Bool) -> ListenOptions {
        var options = options
        if isTCP { options.socketOptions.insert(.noDelay, at: 0) }
        return options
    }

    /// Takes ownership of a listening socket, and opens the siblings of a sharded listener.
    private convenience init(
        listening socket: consuming OwnedSocket, _ tls: TLSConfiguration?, _ options: ListenOptions,
        _ group: LoopGroup
    ) throws(SocketError) {
        if options.sharded {
            let siblings = try Self.siblings(of: socket, options, group)
            try self.init(
                taking: socket, on: group.loops[0], of: group, tls: tls, siblings: siblings)
        } else {
            try self.init(taking: socket, on: group.nextRoundRobin(), of: group, tls: tls)
        }
    }

    /// Creates a listener that takes ownership of a listening socket.
    ///
    /// `siblings` are the other shards, or `nil` if the listener is not sharded. `isAdopted` says
    /// whether other code may use the socket too.
    init(
        taking socket: consuming OwnedSocket, on loop: EventLoop, of group: LoopGroup,
        tls: TLSConfiguration? = nil, siblings: [Listener]? = nil, isAdopted: Bool = false
    ) throws(SocketError) {
        try loop.checkStarted()
        isSharded = siblings != nil
        self.siblings = siblings ?? []
        self.tls = tls
        family = socket.family
        type = socket.type
        localAddress = socket.localAddress ?? .unnamed
        isWildcard = localAddress.ip?.isUnspecified ?? false
        self.group = group
        file = socket.file
        modeMayChange = Atomic(isAdopted)
        do throws(Errno) {
            try System.setBlocking(socket.descriptor.number, false)
            let traits = socket.traits
            source = try EventSource(owning: socket.descriptor, with: traits, on: loop)
        } catch {
            throw SocketError(.adopt, .system(error), localAddress: localAddress)
        }
    }

    deinit { close() }

    /// Closes the listener.
    ///
    /// Clients in the backlog and later clients are refused. Waiting tasks and all later calls get
    /// ``SocketError/Cause/closed``. Accepted connections stay open. A second call does nothing.
    public func close() {
        file?.remove()
        source.close(isConnection: false)
        retryWakeup.wake()
        for sibling in siblings { sibling.close() }
    }

    /// A Boolean value that indicates whether ``close()`` was called or ``serve(options:_:)`` has
    /// returned.
    public var isClosed: Bool { source.lifetime.isClosed }

    /// Waits for the next client and accepts it, as accept(2) does.
    ///
    /// The call skips clients that disconnect before they are accepted. One task at a time may
    /// accept. With TLS, call ``Connection/handshake(timeout:)`` first in the connection's own
    /// task.
    ///
    /// ```swift
    /// let connection = try await listener.accept(timeout: .seconds(30))
    /// ```
    ///
    /// - Parameter timeout: How long to wait for a client.
    /// - Returns: The connection to the client.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.tooManyOpenFiles` or `.tooManyOpenFilesInSystem`
    ///     if no descriptors are left. The client stays in the backlog.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if no client connected in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No client is lost.
    ///   - ``SocketError/Cause/busy`` if another task is already accepting.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the listener is sharded, or if it is on a
    ///     sequenced-packet socket.
    ///   - ``SocketError/Cause/closed`` if the listener was closed.
    public func accept(timeout: TimeLimit = .never) async throws(SocketError) -> Connection {
        do throws(WaitFailure) {
            try beginAccepting()
            defer { source.endReading() }
            let accepted = try await nextPeer(timeout)
            return try withSession(connection(for: accepted, on: group.next()))
        } catch {
            throw failure(error.cause)
        }
    }

    /// Waits for the next client that has not disconnected yet, and accepts it.
    @inline(__always)
    func nextPeer(_ timeout: TimeLimit) async throws(WaitFailure) -> AcceptedPeer {
        var deadline = Deadline(timeout)
        return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
            try keepNonblocking(descriptor)
            let accepted = try AcceptedPeer(System.acceptNext(descriptor, blocking: false))
            source.reading.word.setReady()
            return accepted
        }
    }

    /// A client that was accepted.
    struct AcceptedPeer: ~Copyable {
        let descriptor: OwnedDescriptor
        let peer: RawSocketAddress

        init(_ accepted: (descriptor: Int32, peer: RawSocketAddress)) {
            descriptor = OwnedDescriptor(accepted.descriptor)
            peer = accepted.peer
        }
    }

    /// Creates a connection for an accepted client.
    ///
    /// If this fails, the client is disconnected.
    func connection(
        for accepted: consuming AcceptedPeer, on loop: EventLoop
    ) throws(WaitFailure) -> Connection {
        do throws(Errno) {
            var local = localAddress
            // Query the local address only on a wildcard listener, because only its clients connect
            // to different addresses.
            if isWildcard {
                local = SocketAddress(try System.getsockname(accepted.descriptor.number))
            }
            let remote = SocketAddress(accepted.peer)
            return try Connection(
                taking: OwnedSocket(
                    accepted.descriptor, family, .stream, local: local, remote: remote,
                    mayLinger: source.linger.mayBeSet),
                on: loop)
        } catch {
            throw WaitFailure(.system(error))
        }
    }

    /// Creates the connection's TLS session if the listener uses TLS, and returns the connection.
    ///
    /// The TLS handshake has not started yet.
    func withSession(_ connection: Connection) throws(WaitFailure) -> Connection {
        if let tls { try connection.createSession(tls, to: nil) }
        return connection
    }

    /// Returns the error of a failed accept.
    func failure(_ cause: SocketError.Cause) -> SocketError {
        SocketError(.accept, cause, localAddress: localAddress)
    }
}
