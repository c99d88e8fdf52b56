internal import SystemPackage

// From an endpoint to a connection: names resolved, addresses raced.
extension Socket {
    /// Connects to an endpoint: resolves its name and tries its addresses until one answers.
    ///
    /// ```swift
    /// let socket = try Socket(to: .tcp("www.example.com", port: "http"))
    /// ```
    ///
    /// The attempts follow RFC 8305: IPv6 and IPv4 addresses alternate, and the next attempt starts
    /// when the previous one has failed or has not answered for 250 ms. The first connection wins,
    /// and the other attempts are closed. A UDP socket connects at once, because the kernel sends
    /// nothing to the peer. The call blocks the thread; the async counterpart is
    /// ``Connection/init(to:timeout:group:options:)``.
    ///
    /// - Parameters:
    ///   - endpoint: The peer, of any transport. The transport determines the socket's type.
    ///   - timeout: The limit of the name lookup and all attempts together.
    ///   - options: The local address, the family and the socket options.
    /// - Throws: The errors of ``Resolver/resolve(_:family:numericOnly:passive:timeout:)`` and
    ///   ``connect(to:timeout:)``. ``SocketError/attempts`` lists every address that was tried, and
    ///   the cause is the most informative one.
    public convenience init(
        to endpoint: Endpoint, timeout: TimeLimit = .seconds(10),
        options: ConnectOptions = ConnectOptions()
    ) throws(SocketError) {
        let deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            let addresses = try Resolver.resolve(
                endpoint, family: options.family, deadline: deadline)
            self.init(
                taking: try Socket.connected(
                    toOneOf: addresses, endpoint.transport.socketType, options, deadline))
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Connects to an address; see ``init(to:timeout:options:)``.
    ///
    /// - Parameters:
    ///   - address: The peer's address.
    ///   - type: The socket's type, because an address has none.
    ///   - timeout: The limit of the attempt.
    ///   - options: The local address and the socket options.
    /// - Throws: The errors of ``connect(to:timeout:)``.
    public convenience init(
        to address: SocketAddress, type: SocketType = .stream, timeout: TimeLimit = .seconds(10),
        options: ConnectOptions = ConnectOptions()
    ) throws(SocketError) {
        self.init(
            taking: try Socket.connected(
                toOneOf: [address], type, options, Deadline(startingNow: timeout)))
    }

    /// Takes over a socket that no other code refers to.
    convenience init(taking socket: Socket) {
        let isOurs = socket.gate.handOver()
        precondition(isOurs, "the socket is in use")
        let (local, remote, file) = socket.names.withLock { ($0.local, $0.remote, $0.file) }
        self.init(
            owning: socket.descriptor, socket.family, socket.type, local: local, remote: remote)
        names.withLock { $0.file = file }
    }

    /// Connects to the first of the addresses to answer.
    static func connected(
        toOneOf addresses: [SocketAddress], _ type: SocketType, _ options: ConnectOptions,
        _ deadline: Deadline
    ) throws(SocketError) -> Socket {
        guard let first = addresses.first, first.family != .unix else {
            let address = addresses.first ?? .unnamed
            let socket = try prepared(for: address, type, options)
            try socket.connect(to: address, timeout: deadline.remainingLimit)
            return socket
        }
        var contest = ConnectAttempts(addresses, type, options, deadline)
        while true {
            switch try contest.advance() {
            case .connected(let socket):
                try socket.call(.connect) { descriptor throws(Errno) in
                    try System.setBlocking(descriptor, true)
                }
                return socket
            case .wait(let duration):
                try contest.poll(atMost: duration)
            }
        }
    }
}
