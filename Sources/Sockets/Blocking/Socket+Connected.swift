internal import SystemPackage

// From an endpoint to a connection.
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
    /// ``Connection/init(to:timeout:group:options:)-(Endpoint,_,_,_)``.
    ///
    /// - Parameters:
    ///   - endpoint: The peer, of any transport. The transport determines the socket's type.
    ///   - timeout: The limit of the name lookup and all attempts together.
    ///   - options: The local address, the family and the socket options.
    /// - Throws: The errors of ``Resolver/resolve(_:family:numericOnly:forBinding:timeout:)-9fwuv`` and
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
            try self.init(
                toOneOf: addresses, endpoint.transport.socketType, options, deadline)
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
        try self.init(toOneOf: [address], type, options, Deadline(startingNow: timeout))
    }

    /// Connects to the address that answers first.
    private convenience init(
        toOneOf addresses: [SocketAddress], _ type: SocketType, _ options: ConnectOptions,
        _ deadline: Deadline
    ) throws(SocketError) {
        guard let first = addresses.first, first.family != .unix else {
            // A full backlog is waited for in the kernel, which does not report when there is room.
            let address = addresses.first ?? .unnamed
            self.init(taking: try OwnedSocket.unconnected(for: address, type, options))
            try connect(to: address, timeout: deadline.remainingLimit)
            return
        }
        self.init(
            taking: try Self.connected(ConnectAttempts(to: addresses, type, options, deadline)))
    }

    /// Waits for the attempts with poll(2).
    ///
    /// Returns a socket that waits by itself.
    private static func connected(
        _ attempts: consuming ConnectAttempts
    ) throws(SocketError) -> OwnedSocket {
        while true {
            switch try attempts.advance() {
            case .connected(let socket):
                try socket.call(.connect) { descriptor throws(Errno) in
                    try System.setBlocking(descriptor, true)
                }
                return socket
            case .wait(let duration):
                var requests = attempts.descriptors.map {
                    PollRequest(descriptor: $0, isForWriting: true)
                }
                do throws(Errno) {
                    try System.poll(
                        &requests, milliseconds: duration?.millisecondsRoundedUp ?? -1)
                } catch {
                    throw SocketError(.connect, .system(error))
                }
                if requests.contains(where: \.isReady) { _ = attempts.check() }
            }
        }
    }
}
