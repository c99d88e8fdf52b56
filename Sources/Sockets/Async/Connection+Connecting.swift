internal import SystemPackage

// From an endpoint to a connection: names resolved, addresses raced.
extension Connection {
    /// Connects to an endpoint: resolves its name, and tries every address until one answers.
    ///
    /// ```swift
    /// let connection = try await Connection(to: .tcp("localhost", port: "daytime"))
    /// ```
    ///
    /// Names are looked up on threads of their own, and a look-up is left to itself when the limit
    /// ends or the task is cancelled. The addresses are raced as RFC 8305 says: the families take
    /// turns, and the next attempt begins when the one before has failed or has not answered for
    /// 250 ms. The first to answer wins and the others are closed. On TCP, `noDelay` is set.
    ///
    /// - Parameters:
    ///   - endpoint: The peer: TCP or a Unix stream.
    ///   - timeout: The limit of the name lookup and all attempts together.
    ///   - group: The loop group. The connection belongs to one of its loops.
    ///   - options: The local address, the family and the socket options.
    /// - Throws: `.invalidInput` for other endpoints; as `Resolver.resolve`;
    ///   `.system(.connectionRefused)` and its kin, `.timedOut`, `.cancelled`, `.selfConnect`.
    ///   `attempts` of the error tells what became of each address, and how long it took.
    public convenience init(
        to endpoint: Endpoint, timeout: TimeLimit = .seconds(10), group: LoopGroup = .shared,
        options: ConnectOptions = ConnectOptions()
    ) async throws(SocketError) {
        guard endpoint.transport == .tcp || endpoint.transport == .unix else {
            throw SocketError(
                .connect,
                .invalidInput(
                    "an endpoint of the transport \(endpoint.transport): expected tcp or unix"),
                endpoint: endpoint)
        }
        let (loop, deadline) = (group.next(), Deadline(startingNow: timeout))
        do throws(SocketError) {
            let addresses = try await Lookup.addresses(
                of: endpoint, options.family, until: deadline, on: loop)
            let dialer = AsyncConnector(on: loop, deadline)
            try self.init(
                taking: try await dialer.connect(toOneOf: addresses, options), on: loop)
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Connects to an address that is known; see `init(to: Endpoint, …)`.
    ///
    /// - Throws: as `init(to: Endpoint, …)`.
    public convenience init(
        to address: SocketAddress, timeout: TimeLimit = .seconds(10), group: LoopGroup = .shared,
        options: ConnectOptions = ConnectOptions()
    ) async throws(SocketError) {
        let dialer = AsyncConnector(on: group.next(), Deadline(startingNow: timeout))
        try self.init(
            taking: try await dialer.connect(toOneOf: [address], options), on: dialer.loop)
    }

    /// Takes over a connected, non-blocking socket that no other code refers to.
    private convenience init(taking socket: Socket, on loop: EventLoop) throws(SocketError) {
        let isOurs = socket.gate.handOver()
        precondition(isOurs, "the socket is in use")
        let remote = socket.remoteAddress
        do throws(Errno) {
            try self.init(
                owning: socket.descriptor, socket.family, local: socket.localAddress,
                remote: remote, file: socket.names.withLock { $0.file }, on: loop)
        } catch {
            throw SocketError(.connect, .system(error), remoteAddress: remote)
        }
    }
}
