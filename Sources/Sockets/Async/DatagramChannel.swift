internal import SystemPackage

/// An async datagram socket over UDP or a Unix socket.
///
/// Waiting suspends the task without blocking a thread.
///
/// ```swift
/// let channel = try await DatagramChannel(on: .udp(port: 51423))
/// for try await datagram in channel {
///     try await channel.send(datagram.bytes, to: datagram.sender)
/// }
/// ```
///
/// A channel either accepts any sender or is connected to one peer. A connected channel receives
/// datagrams only from its peer, and its calls throw the errors that the peer's host reports.
///
/// Several tasks may send. If there is no buffer space, they wait and send in the order of their
/// calls. One task at a time may receive. A second task that receives gets
/// ``SocketError/Cause/busy``. Cancelling a task ends its wait at once with
/// ``SocketError/Cause/cancelled``, and no datagram is lost. Even if datagrams arrive endlessly, a
/// cancelled task ends, because one of its next receives throws this error. Neither a cancellation
/// nor a timeout affects later operations.
///
/// A channel is closed by ``close()`` or when its last reference is released.
public final class DatagramChannel: LoopSocket, MulticastSocket, Sendable {
    /// The local address with the port that the kernel chose, or ``SocketAddress/unnamed`` for a
    /// Unix socket without a path.
    ///
    /// If the channel is bound to the wildcard address, this property is the wildcard address.
    public let localAddress: SocketAddress

    /// The address of the peer, or ``SocketAddress/unnamed`` if the channel is not connected.
    public let remoteAddress: SocketAddress

    /// A Boolean value that indicates whether the channel is connected to one peer.
    public let isConnected: Bool

    let source: EventSource
    let family: AddressFamily
    /// A Boolean value that indicates whether the kernel reports the destination of each datagram,
    /// because the channel has more than one address.
    let usesPacketInfo: Bool
    let queue = DatagramQueue()
    /// The memory for the received Unix datagram.
    let memory = MessageMemory()
    let file: UnixSocketFile?
    /// The tasks that wait for space in the queue of a Unix peer, by the peer's address.
    let unixWaits = Lock<[SocketAddress: UnixWait]>([:])

    /// Creates a channel that receives the datagrams sent to an endpoint.
    ///
    /// An endpoint without a host, or with the host `::`, means every interface. One socket then
    /// serves IPv4 and IPv6, unless ``ListenOptions/family`` restricts it to IPv6. On a machine
    /// without IPv6, an endpoint without a host serves only IPv4. With port 0, the kernel chooses a
    /// port; see ``localAddress``. On a Unix path, the channel replaces the socket file of a server
    /// that has ended. If a running server uses the path, or if the path is another kind of file,
    /// the call throws `.addressInUse`. ``close()`` removes the socket file. A separate thread
    /// resolves the host's name. The call abandons this thread after a timeout or a cancellation.
    ///
    /// ```swift
    /// let channel = try await DatagramChannel(on: .udp(port: 51423))
    /// ```
    ///
    /// If the host has several addresses, as `localhost` may have, the channel is bound only to the
    /// first one that the kernel accepts; see ``localAddress``. Leave the host empty to serve IPv4
    /// and IPv6.
    ///
    /// - Parameters:
    ///   - endpoint: The local endpoint: UDP or Unix datagram.
    ///   - timeout: The time limit for the name lookup.
    ///   - group: The loop group. One of its loops waits for the datagrams.
    ///   - options: The family and the socket options.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)``, for example with `.addressInUse`, if the kernel
    ///     rejects the address.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the endpoint is neither UDP nor Unix datagram,
    ///     or if the options are not valid for a channel.
    ///   - ``SocketError/Cause/nameResolution(_:)`` or
    ///     ``SocketError/Cause/unknownService(_:transport:)`` if the host or the service does not
    ///     exist.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the name lookup took too long.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    public convenience init(
        on endpoint: Endpoint, timeout: TimeLimit = .never, group: LoopGroup = .shared,
        options: ListenOptions = ListenOptions()
    ) async throws(SocketError) {
        try endpoint.require(.datagram, for: .bind)
        try options.checkUnsharded(on: endpoint)
        let socket = try await OwnedSocket.bound(on: endpoint, timeout, options, group)
        try self.init(taking: socket, group)
    }

    /// Creates a channel that receives the datagrams sent to an address.
    ///
    /// The address `::` serves IPv4 and IPv6 unless ``ListenOptions/family`` is
    /// ``AddressFamily/ipv6``. No other IPv6 address serves IPv4. An IPv4-mapped address, such as
    /// `::ffff:127.0.0.1`, is bound as its IPv4 address.
    ///
    /// - Parameters:
    ///   - address: The local address.
    ///   - group: The loop group. One of its loops waits for the datagrams.
    ///   - options: Whether `::` serves only IPv6, and the socket options.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)``, for example with `.addressInUse`, if the kernel
    ///     rejects the address.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the options are not valid for a channel.
    public convenience init(
        on address: SocketAddress, group: LoopGroup = .shared,
        options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        try options.checkUnsharded()
        let socket = try OwnedSocket.bound(on: address, .datagram, options)
        try self.init(taking: socket, group)
    }

    /// Creates a channel that is connected to an endpoint.
    ///
    /// The channel sends to its peer by default, and receives only from its peer.
    ///
    /// Connecting sends nothing. If no UDP socket receives at the endpoint, a later call throws.
    ///
    /// ```swift
    /// let channel = try await DatagramChannel(to: .udp("localhost", port: 51423))
    /// ```
    ///
    /// If the host has several addresses, as `localhost` may have, the channel is connected to the
    /// first one that the kernel accepts, because a datagram socket cannot find out whether a
    /// server is there. If only another address has a server, a later call throws
    /// `.connectionRefused`. To choose between an IPv4 and an IPv6 address, set
    /// ``ConnectOptions/family``.
    ///
    /// - Parameters:
    ///   - endpoint: The peer's endpoint: UDP or Unix datagram.
    ///   - timeout: The time limit for the name lookup.
    ///   - group: The loop group. One of its loops waits for the datagrams.
    ///   - options: The local address, the family and the socket options.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)``, for example with `.networkUnreachable`, if the kernel
    ///     rejects the address.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the endpoint is neither UDP nor Unix datagram,
    ///     or if the options contain a proxy.
    ///   - ``SocketError/Cause/nameResolution(_:)`` or
    ///     ``SocketError/Cause/unknownService(_:transport:)`` if the host or the service does not
    ///     exist.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the name lookup took too long.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    public convenience init(
        to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), group: LoopGroup = .shared,
        options: ConnectOptions = ConnectOptions()
    ) async throws(SocketError) {
        try endpoint.require(.datagram, for: .connect)
        let deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            let addresses = try await Lookup.addresses(
                of: endpoint, options.family, until: deadline, on: group.loops[0])
            let socket = try ConnectAttempts.connectDatagram(to: addresses, options, deadline)
            try self.init(taking: socket, group)
        } catch {
            throw error.connecting(to: endpoint)
        }
    }

    /// Creates a channel that is connected to an address.
    ///
    /// The channel sends to its peer by default, and receives only from its peer.
    ///
    /// - Parameters:
    ///   - address: The address of the peer.
    ///   - group: The loop group. One of its loops waits for the datagrams.
    ///   - options: The local address and the socket options.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if the kernel
    ///   rejects the address, or ``SocketError/Cause/invalidInput(_:)`` if the options contain a
    ///   proxy.
    public convenience init(
        to address: SocketAddress, group: LoopGroup = .shared,
        options: ConnectOptions = ConnectOptions()
    ) throws(SocketError) {
        let socket = try ConnectAttempts.connectDatagram(
            to: [address], options, Deadline(startingNow: .never))
        try self.init(taking: socket, group)
    }

    /// Creates two Unix channels that are connected to each other: socketpair(2).
    ///
    /// ```swift
    /// let (client, server) = try DatagramChannel.pair()
    /// ```
    ///
    /// - Parameter group: The loop group. Each channel belongs to one of its loops.
    /// - Returns: The two channels.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if no descriptors
    ///   are left.
    public static func pair(
        group: LoopGroup = .shared
    ) throws(SocketError) -> (DatagramChannel, DatagramChannel) {
        try group.loops[0].checkStarted()
        let pair = try OwnedSocket.pair(.datagram)
        do throws(SocketError) {
            return (
                try DatagramChannel(taking: pair.one, on: group.next()),
                try DatagramChannel(taking: pair.other, on: group.next())
            )
        } catch {
            throw SocketError(.createSocket, error.cause)
        }
    }

    /// Creates a channel that takes ownership of a socket.
    ///
    /// If an Internet socket is not bound, the kernel chooses a port.
    convenience init(
        taking socket: consuming OwnedSocket, _ group: LoopGroup
    ) throws(SocketError) {
        try self.init(taking: socket, on: group.next())
    }

    /// Creates a channel that takes ownership of a socket and waits on a loop.
    init(taking socket: consuming OwnedSocket, on loop: EventLoop) throws(SocketError) {
        try loop.checkStarted()
        isConnected = (try? System.getpeername(socket.descriptor.number)) != nil
        if let wildcard = socket.family.wildcard, socket.localAddress?.port ?? 0 == 0 {
            try socket.bind(on: wildcard)
        }
        family = socket.family
        localAddress = socket.localAddress ?? .unnamed
        remoteAddress = socket.remoteAddress ?? .unnamed
        usesPacketInfo = localAddress.isOneOfMany && !isConnected
        file = socket.file
        do throws(Errno) {
            if usesPacketInfo {
                try System.enablePacketInfo(
                    socket.descriptor.number, isIPv6: family == .ipv6)
            }
            // Do not report writability, because every sent datagram makes the socket writable and
            // each event would cost a wakeup.
            let traits = socket.traits
            source = try EventSource(
                owning: socket.descriptor, with: traits, on: loop, reportsWritable: false)
        } catch {
            throw SocketError(.adopt, .system(error), localAddress: localAddress)
        }
    }

    deinit { close() }

    /// Closes the channel.
    ///
    /// Waiting tasks and all later calls get ``SocketError/Cause/closed``, and a loop over the
    /// channel ends. Datagrams that the kernel has accepted are still sent. A second call does
    /// nothing.
    public func close() {
        file?.remove()
        source.close(isConnection: false)
        for wait in unixWaits.withLock({ Array($0.values) }) { wait.turns.wakeAll() }
    }

    /// A Boolean value that indicates whether ``close()`` has been called.
    public var isClosed: Bool { source.lifetime.isClosed }

    /// Shuts down one or both directions of a connected channel: shutdown(2).
    ///
    /// After `.write`, sends on this channel throw `brokenPipe`. After `.read`, the sends of a Unix
    /// peer fail with `EPIPE`, and datagrams that arrived before can still be received. The kernel
    /// reports no end, so a later receive waits until its time limit, or until ``close()``. A UDP
    /// channel still receives datagrams, because UDP does not tell the peer about a shutdown.
    ///
    /// - Parameter direction: The direction.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the channel is an
    ///     unconnected UDP channel.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func shutdown(_ direction: ShutdownDirection) throws(SocketError) {
        try end(direction)
    }

    /// The access to the descriptor, for the library's own use.
    public var _access: _DescriptorAccess { _DescriptorAccess(owner: self) }

    var peerAddress: SocketAddress? { remoteAddress }

    /// Returns the error of a failed operation.
    func failure(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause,
        remote: SocketAddress? = nil
    ) -> SocketError {
        SocketError(
            operation, cause, localAddress: localAddress, remoteAddress: remote ?? remoteAddress)
    }
}
