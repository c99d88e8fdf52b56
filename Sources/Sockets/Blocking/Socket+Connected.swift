internal import SystemPackage

// From an endpoint to a connection: names resolved, addresses raced.
extension Socket {
    /// Connects to an endpoint: resolves its name, and tries every address until one answers.
    ///
    /// ```swift
    /// let socket = try Socket.connected(to: .tcp("www.example.com", port: "http"))
    /// ```
    ///
    /// The addresses are raced as RFC 8305 says: the families take turns, and the next attempt
    /// begins when the one before has failed or has not answered for 250 ms. The first to answer
    /// wins and the others are closed. A UDP socket is connected at once: nobody is asked.
    ///
    /// - Parameters:
    ///   - endpoint: of any transport; it decides the kind of the socket.
    ///   - local: the address, or the port, to call from; the kernel chooses if nil.
    ///   - family: try only addresses of this family.
    ///   - timeout: covers the look-up of the name and all attempts together.
    /// - Throws: as `Resolver.resolve` and `connect`. If several addresses were tried, `attempts`
    ///   of the error tells what became of each, and the cause is the most telling one.
    public static func connected(
        to endpoint: Endpoint, from local: SocketAddress? = nil, family: AddressFamily? = nil,
        timeout: TimeLimit = .seconds(10)
    ) throws(SocketError) -> Socket {
        let deadline = Deadline(timeout)
        do throws(SocketError) {
            let addresses = try Resolver.resolve(endpoint, family: family, deadline: deadline)
            return try connected(
                toOneOf: addresses, endpoint.transport.socketType, from: local, deadline)
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Connects to an address that is known; see `connected(to: Endpoint, …)`.
    ///
    /// - Throws: as `connect`.
    public static func connected(
        to address: SocketAddress, type: SocketType = .stream, from local: SocketAddress? = nil,
        timeout: TimeLimit = .seconds(10)
    ) throws(SocketError) -> Socket {
        try connected(toOneOf: [address], type, from: local, Deadline(timeout))
    }

    /// Connects to the first of the addresses to answer.
    static func connected(
        toOneOf addresses: [SocketAddress], _ type: SocketType, from local: SocketAddress?,
        _ deadline: Deadline
    ) throws(SocketError) -> Socket {
        guard let first = addresses.first, first.family != .unix else {
            let address = addresses.first ?? .unnamed
            let socket = try prepared(for: address, type, from: local)
            try socket.connect(to: address, timeout: deadline.rest)
            return socket
        }
        var contest = ConnectAttempts(addresses, type, from: local, deadline)
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
