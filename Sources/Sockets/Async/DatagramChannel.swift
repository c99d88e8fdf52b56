internal import SystemPackage

/// A socket for datagrams, UDP or Unix, for tasks: what waits suspends, and blocks no thread.
///
/// ```swift
/// let channel = try await DatagramChannel(on: .udp(port: 51423))
/// for try await datagram in channel { try await channel.send(datagram.bytes, to: datagram.sender) }
/// ```
///
/// It is either open to everybody, or connected: then it receives from its peer alone, and the
/// peer's refusals reach it as errors.
///
/// Several tasks may send. One task at a time receives, and of those whose sending has to wait for
/// room only one may wait; another one gets `.busy`. Cancelling a task ends its wait at once, with
/// `.cancelled`, and loses no datagram that can still be received; so ends soon, too, who never has
/// to wait because they keep coming. Neither a cancellation nor a time-out sticks to the channel.
///
/// It is closed by `close`, or when the last reference to it goes.
public final class DatagramChannel: Sendable {
    /// The channel's own address; port and interface are those that the kernel chose, and the
    /// wildcard address stays the wildcard. `.unnamed` for a Unix socket that has no name.
    public let localAddress: SocketAddress

    /// The peer's address if the channel is connected; `.unnamed` otherwise.
    public let remoteAddress: SocketAddress

    /// Whether the channel is connected to one peer.
    public let isConnected: Bool

    let source: EventSource
    let family: AddressFamily
    /// Which of our addresses a datagram came to is known only by asking for each.
    let asksForLocalAddress: Bool
    let inbox = DatagramQueue()
    private let file: Lock<UnixSocketFile?>

    /// Receives what is sent to an endpoint.
    ///
    /// An endpoint without a host means every interface, IPv4 and IPv6 with one socket; where there
    /// is no IPv6, IPv4 alone. Port 0 lets the kernel choose: see `localAddress`. For a Unix path, a
    /// file that a dead server left is replaced, one of a living server is `.addressInUse`, and any
    /// other file is left alone; `close` removes the file. Names are looked up on a thread of their
    /// own, which is left to itself when the limit ends or the task is cancelled.
    ///
    /// - Parameters:
    ///   - endpoint: The local end: UDP or Unix datagram.
    ///   - timeout: The limit of the name lookup.
    ///   - group: The loop group. One of its loops waits for the datagrams.
    ///   - options: The family and the socket options.
    /// - Throws: The errors of ``Socket/init(on:timeout:options:)``; `.invalidInput` for other transports; `.timedOut`,
    ///   `.cancelled`.
    public convenience init(
        on endpoint: Endpoint, timeout: TimeLimit = .never, group: LoopGroup = .shared,
        options: ListenOptions = ListenOptions()
    ) async throws(SocketError) {
        try Self.check(endpoint, for: .bind)
        do throws(SocketError) {
            try options.checkUnsharded()
            let addresses = try await Lookup.addresses(
                of: endpoint, options.family, passive: true, until: Deadline(timeout),
                on: group.loops[0])
            let socket = try Socket.bound(toOneOf: addresses, of: endpoint, options)
            try self.init(adopting: socket, group: group)
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Receives what is sent to an address that is known; an IPv6 address serves IPv6 alone.
    ///
    /// - Throws: as `init(on: Endpoint, …)`.
    public convenience init(
        on address: SocketAddress, group: LoopGroup = .shared,
        options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        let socket = try Socket(on: address, type: .datagram, options: options)
        try self.init(adopting: socket, group: group)
    }

    /// Connects to an endpoint: datagrams go there, and are received from nowhere else.
    ///
    /// Nobody is asked: that nobody is there, over IP, is told by an error of a later call.
    ///
    /// - Parameters:
    ///   - endpoint: The peer: UDP or Unix datagram.
    ///   - timeout: The limit of the name lookup.
    ///   - group: The loop group. One of its loops waits for the datagrams.
    ///   - options: The local address, the family and the socket options.
    /// - Throws: The errors of ``Socket/init(to:timeout:options:)``; `.invalidInput` for other transports; `.cancelled`.
    public convenience init(
        to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), group: LoopGroup = .shared,
        options: ConnectOptions = ConnectOptions()
    ) async throws(SocketError) {
        try Self.check(endpoint, for: .connect)
        let deadline = Deadline(timeout)
        do throws(SocketError) {
            let addresses = try await Lookup.addresses(
                of: endpoint, options.family, until: deadline, on: group.loops[0])
            let socket = try Socket.connected(
                toOneOf: addresses, .datagram, options, deadline)
            try self.init(adopting: socket, group: group)
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Connects to an address that is known; see `init(to: Endpoint, …)`.
    ///
    /// - Throws: as `Socket.connect`.
    public convenience init(
        to address: SocketAddress, group: LoopGroup = .shared,
        options: ConnectOptions = ConnectOptions()
    ) throws(SocketError) {
        let socket = try Socket(to: address, type: .datagram, options: options)
        try self.init(adopting: socket, group: group)
    }

    /// Takes over a socket of the type `.datagram`, bound or connected or neither, which is closed
    /// then for its other users; a file that it would have removed is removed by the channel.
    ///
    /// An Internet socket that is not bound gets a port of the kernel's choice.
    ///
    /// - Throws: `.invalidInput` for other kinds; as `Socket.release`.
    public init(
        adopting socket: Socket, group: LoopGroup = .shared
    ) throws(SocketError) {
        guard socket.type == .datagram else {
            throw SocketError(
                .adopt,
                .invalidInput(
                    "a socket of the type \(socket.type): expected one of the type datagram"),
                localAddress: socket.localAddress)
        }
        let isConnected = try socket.call(.adopt) { descriptor throws(Errno) in
            (try? System.getpeername(descriptor)) != nil
        }
        if let wildcard = socket.family.wildcard, socket.localAddress.port ?? 0 == 0 {
            try socket.bind(on: wildcard)
        }
        family = socket.family
        self.isConnected = isConnected
        localAddress = socket.localAddress
        remoteAddress = socket.remoteAddress
        asksForLocalAddress = localAddress.isOneOfMany && !isConnected
        let file = socket.names.withLock { $0.file }
        let descriptor = try socket.release().rawValue
        self.file = Lock(file)
        do throws(Errno) {
            try System.setBlocking(descriptor, false)
            if asksForLocalAddress {
                try System.enablePacketInfo(descriptor, isIPv6: family == .ipv6)
            }
            // Every datagram that has left makes room: being told of each would cost a wake-up.
            source = try EventSource(
                owning: descriptor, on: group.next(), toldOfRoom: false)
        } catch {
            file?.remove()
            System.close(descriptor)
            throw SocketError(.adopt, .system(error), localAddress: localAddress)
        }
    }

    deinit { close() }

    /// Closes the channel. Tasks that wait get `.closed`, and so do all later calls; a loop over
    /// the channel ends.
    ///
    /// Can be repeated. Datagrams that the kernel has accepted are still sent.
    public func close() {
        file.withLock { $0.take() }?.remove()
        source.close(isConnection: false)
    }

    /// Whether `close` has been called.
    public var isClosed: Bool { source.gate.isClosed }

    private static func check(
        _ endpoint: Endpoint, for operation: SocketError.Operation
    ) throws(SocketError) {
        guard endpoint.transport == .udp || endpoint.transport == .unixDatagram else {
            throw SocketError(
                operation,
                .invalidInput("datagrams are wanted: expected an endpoint of UDP or unixgram:"),
                endpoint: endpoint)
        }
    }

    /// Describes what failed.
    func failure(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, subject: String? = nil,
        remote: SocketAddress? = nil
    ) -> SocketError {
        SocketError(
            operation, cause, subject: subject, localAddress: localAddress,
            remoteAddress: remote ?? remoteAddress)
    }
}

extension AddressFamily {
    /// Every interface and any port; nil where there is no such thing.
    fileprivate var wildcard: SocketAddress? {
        switch self {
        case .ipv4: .ipv4(.any, port: 0)
        case .ipv6: .ipv6(.any, port: 0)
        case .unix: nil
        }
    }
}
