internal import SystemPackage

/// A socket that is called, TCP or Unix, for tasks: it accepts `Connection`s.
///
/// ```swift
/// try await Listener(on: .tcp(port: 51423)).serve { connection in try await connection.echo() }
/// ```
///
/// A server usually calls `serve`, which does all that servers have to do. Where that is too much,
/// there is `for try await connection in listener`, which survives what befalls single callers and
/// shortages of descriptors; and `accept`, which reports everything but callers that hung up.
///
/// One thread accepts all callers, and hands each to the loop whose turn it is. Where callers come
/// and go so fast that this thread is the bottleneck, there can be a socket for each loop instead,
/// between which the kernel shares the callers out (`SO_REUSEPORT`):
///
/// ```swift
/// let listener = try await Listener(on: .tcp(port: port), options: .init(sharded: true))
/// ```
///
/// Such a listener is served by `serve` alone. A caller stays on the loop that accepted it, however
/// busy that loop is and however idle the others are. The port is open to other programs of the
/// same user that ask for sharing, so that a server which is started twice gets half of the callers
/// instead of an error. And the kernel has assigned a caller to one of the sockets before anybody
/// accepts it: when a program closes its listener, the callers that still wait are lost, though
/// another one serves the same port (Linux can move them: `net.ipv4.tcp_migrate_req`).
///
/// It is closed by `close`, or when the last reference to it goes.
public final class Listener: Sendable {
    /// The address that callers reach; port and interface are those that the kernel chose, and the
    /// wildcard address stays the wildcard.
    public let localAddress: SocketAddress

    let source: EventSource
    let group: LoopGroup
    /// Rung when waiting for better times may be over.
    let relief = Wakeup()
    private let family: AddressFamily
    private let file: Lock<UnixSocketFile?>
    /// Callers may have come to different addresses of this machine.
    private let isWildcard: Bool
    /// Whether each loop of the group accepts callers of its own.
    let isSharded: Bool
    /// The sockets of the group's other loops; they are called at the same address.
    let siblings: [Listener]

    /// Listens on an endpoint.
    ///
    /// An endpoint without a host means every interface, IPv4 and IPv6 with one socket; where there
    /// is no IPv6, IPv4 alone. With `SO_REUSEADDR`, so that a server can be started again at once,
    /// and with `TCP_NODELAY`, which the connections inherit. Port 0 lets the kernel choose: see
    /// `localAddress`. For a Unix path, a file that a dead server left is replaced, one of a living
    /// server is `.addressInUse`, and any other file is left alone; `close` removes the file. Names
    /// are looked up on a thread of its own, which is left to itself when the limit ends or the task
    /// is cancelled.
    ///
    /// - Parameters:
    ///   - endpoint: The local end: TCP or a Unix stream.
    ///   - timeout: The limit of the name lookup.
    ///   - group: The loops that wait for clients and serve them.
    ///   - options: The family, the backlog, the socket options, and whether the listener is sharded.
    /// - Throws: The errors of ``Socket/init(on:timeout:options:)``; `.invalidInput` for other transports; `.timedOut`,
    ///   `.cancelled`.
    public convenience init(
        on endpoint: Endpoint, timeout: TimeLimit = .never, group: LoopGroup = .shared,
        options: ListenOptions = ListenOptions()
    ) async throws(SocketError) {
        guard endpoint.transport == .tcp || endpoint.transport == .unix else {
            throw SocketError(
                .listen,
                .invalidInput(
                    "connections are streams of bytes: expected an endpoint of TCP or unix:"),
                endpoint: endpoint)
        }
        if options.sharded { try Self.checkSharding(endpoint) }
        do throws(SocketError) {
            let addresses = try await Lookup.addresses(
                of: endpoint, options.family, passive: true, until: Deadline(timeout),
                on: group.loops[0])
            let socket = try Socket.bound(toOneOf: addresses, of: endpoint, options)
            try self.init(taking: socket, options, group)
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Listens on an address that is known; an IPv6 address serves IPv6 alone.
    ///
    /// - Throws: as `init(on: Endpoint, …)`.
    public convenience init(
        on address: SocketAddress, group: LoopGroup = .shared,
        options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        if options.sharded { try Self.checkSharding(address) }
        let socket = try Socket.bound(to: address, .stream, isDualStack: false, options)
        try self.init(taking: socket, options, group)
    }

    /// Takes over a socket of the type `.stream` that listens, which is closed then for its other
    /// users; a file that it would have removed is removed by the listener.
    ///
    /// - Throws: `.invalidInput` for other kinds and for sockets that do not listen; as
    ///   `Socket.release`, and then the socket is left as it was.
    public convenience init(
        adopting socket: Socket, group: LoopGroup = .shared
    ) throws(SocketError) {
        let isListening = try socket.call(.adopt) { descriptor throws(Errno) in
            try System.isListening(descriptor)
        }
        guard socket.type == .stream, isListening else {
            let what = isListening ? "of the type \(socket.type)" : "that does not listen"
            throw SocketError(
                .adopt, .invalidInput("a socket \(what): expected a stream that listens"),
                localAddress: socket.localAddress)
        }
        try self.init(owning: socket, on: group.nextInTurn(), of: group)
    }

    /// Takes over a bound socket, and opens its siblings if there are to be any.
    private convenience init(
        taking socket: Socket, _ options: ListenOptions, _ group: LoopGroup
    ) throws(SocketError) {
        try socket.listen(backlog: options.backlog)
        if options.sharded {
            let siblings = try Self.siblings(of: socket, options, group)
            try self.init(owning: socket, on: group.loops[0], of: group, siblings: siblings)
        } else {
            try self.init(owning: socket, on: group.nextInTurn(), of: group)
        }
    }

    /// Takes over a socket that listens.
    ///
    /// - Parameter siblings: nil if the listener is not sharded.
    init(
        owning socket: Socket, on loop: EventLoop, of group: LoopGroup,
        siblings: [Listener]? = nil
    ) throws(SocketError) {
        isSharded = siblings != nil
        self.siblings = siblings ?? []
        family = socket.family
        localAddress = socket.localAddress
        isWildcard = localAddress.ip?.isUnspecified ?? false
        self.group = group
        if family != .unix { try socket.setOption(.noDelay, to: true) }
        let file = socket.names.withLock { $0.file }
        let descriptor = try socket.release().rawValue
        self.file = Lock(file)
        do throws(Errno) {
            try System.setBlocking(descriptor, false)
            source = try EventSource(owning: descriptor, on: loop)
        } catch {
            file?.remove()
            System.close(descriptor)
            throw SocketError(.adopt, .system(error), localAddress: localAddress)
        }
    }

    deinit { close() }

    /// Closes the listener: nobody can call any more, and callers that nobody has accepted are
    /// refused. Tasks that wait get `.closed`; so do all later calls.
    ///
    /// Connections that were accepted stay. Can be repeated.
    public func close() {
        file.withLock { $0.take() }?.remove()
        source.close(isConnection: false)
        relief.ring()
        for sibling in siblings { sibling.close() }
    }

    /// Whether `close` has been called, or `serve` has returned.
    public var isClosed: Bool { source.gate.isClosed }

    /// Waits for the next caller: accept(2).
    ///
    /// A caller who hung up before he was accepted is passed over. One task accepts at a time.
    ///
    /// - Throws: `.system`: `.tooManyOpenFiles` and `.tooManyOpenFilesInSystem` (the caller stays
    ///   in the queue); `.timedOut` and `.cancelled`, which lose no caller; `.busy`, `.closed`;
    ///   `.invalidInput` if the listener is sharded.
    public func accept(timeout: TimeLimit = .never) async throws(SocketError) -> Connection {
        do throws(EndOfWait) {
            try beginAccepting()
            defer { source.end(.reading) }
            var deadline = WaitDeadline(timeout)
            let caller = try await source.perform(.reading, &deadline) {
                descriptor throws(Errno) in
                let caller = try Caller(System.acceptNext(descriptor, blocking: false))
                source.reading.word.setReady()
                return caller
            }
            return try connection(of: caller, on: group.next())
        } catch {
            throw failure(error.cause)
        }
    }

    /// Somebody who has been accepted.
    struct Caller {
        let descriptor: Int32
        let peer: RawSocketAddress

        init(_ accepted: (descriptor: Int32, peer: RawSocketAddress)) {
            (descriptor, peer) = accepted
        }
    }

    /// Makes a connection of a caller; if that fails, the caller has been hung up on.
    func connection(
        of caller: Caller, on loop: EventLoop
    ) throws(EndOfWait) -> Connection {
        var local = localAddress
        do throws(Errno) {
            // Only a socket for all interfaces has to ask which of them was called.
            if isWildcard { local = SocketAddress(try System.getsockname(caller.descriptor)) }
        } catch {
            System.close(caller.descriptor)
            throw EndOfWait(.system(error))
        }
        do throws(SocketError) {
            return try Connection(
                owning: caller.descriptor, family, local: local,
                remote: SocketAddress(caller.peer), on: loop)
        } catch {
            throw EndOfWait(error.cause)
        }
    }

    /// Describes what failed.
    func failure(_ cause: SocketError.Cause) -> SocketError {
        SocketError(.accept, cause, localAddress: localAddress)
    }
}
