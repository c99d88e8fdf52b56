// A socket for each loop of the group, all on one port, among which the kernel shares the callers
// out.
extension Listener {
    /// The listener and its siblings: one for each socket.
    var shards: [Listener] { [self] + siblings }

    /// Opens sockets at the address of the first one, for all loops but the first.
    static func siblings(
        of first: Socket, _ options: ListenOptions, _ group: LoopGroup
    ) throws(SocketError) -> [Listener] {
        // Differently in this, they would not share the callers of both families.
        let isDualStack = first.family == .ipv6 ? try !first.option(.ipv6Only) : false
        var siblings: [Listener] = []
        for loop in group.loops.dropFirst() {
            let socket = try Socket.bound(
                to: first.localAddress, .stream, isDualStack: isDualStack, options)
            try socket.listen(backlog: options.backlog)
            siblings.append(try Listener(owning: socket, on: loop, of: group, siblings: []))
        }
        return siblings
    }

    /// Refuses endpoints that only one socket can be bound to.
    static func checkSharding(_ endpoint: Endpoint) throws(SocketError) {
        guard endpoint.transport == .tcp else {
            throw SocketError(.listen, cannotBeSharded, endpoint: endpoint)
        }
    }

    /// Refuses addresses that only one socket can be bound to.
    static func checkSharding(_ address: SocketAddress) throws(SocketError) {
        guard address.ip != nil else {
            throw SocketError(.listen, cannotBeSharded, localAddress: address)
        }
    }

    private static let cannotBeSharded = SocketError.Cause.invalidInput(
        "only one socket can have a Unix address: expected TCP for a sharded listener")

    /// Holds the reading direction, for one who accepts from this socket alone.
    func beginAccepting() throws(EndOfWait) {
        guard !isSharded else {
            throw EndOfWait(
                .invalidInput("callers come to several sockets of this listener: expected serve"))
        }
        try source.begin(.reading)
    }
}
