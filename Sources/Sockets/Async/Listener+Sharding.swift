// A sharded listener has one socket for each loop of the group, all on the same port. The kernel
// distributes the clients among these sockets.
extension Listener {
    /// The listeners of all sockets: this listener and its siblings.
    var shards: [Listener] { [self] + siblings }

    /// Opens sockets for all loops except the first, and binds them to the address of the first
    /// socket.
    static func siblings(
        of first: borrowing OwnedSocket, _ options: ListenOptions, _ group: LoopGroup
    ) throws(SocketError) -> [Listener] {
        var siblings: [Listener] = []
        for loop in group.loops.dropFirst() {
            let socket = try OwnedSocket.bound(
                on: first.localAddress ?? .unnamed, .stream, options)
            siblings.append(try Listener(taking: socket, on: loop, of: group, siblings: []))
        }
        return siblings
    }

    /// Rejects endpoints that only one socket can bind.
    static func checkSharding(_ endpoint: Endpoint) throws(SocketError) {
        guard endpoint.transport == .tcp else {
            throw SocketError(.listen, cannotBeSharded, endpoint: endpoint)
        }
    }

    /// Rejects addresses that only one socket can bind.
    static func checkSharding(_ address: SocketAddress) throws(SocketError) {
        guard address.ip != nil else {
            throw SocketError(.listen, cannotBeSharded, localAddress: address)
        }
    }

    private static let cannotBeSharded = SocketError.Cause.invalidInput(
        "the endpoint of a sharded listener must be tcp://")

    /// Begins to accept from this socket, and excludes other accepting tasks.
    ///
    /// The method rejects a sharded listener, because the clients of its other sockets would never
    /// be accepted. It also rejects a listener whose clients are of another type.
    func beginAccepting(_ type: SocketType = .stream) throws(WaitFailure) {
        guard !isSharded else {
            throw WaitFailure(.invalidInput("a sharded listener can only be used with serve"))
        }
        try require(type)
        try source.beginReading()
    }
}
