internal import Sockets

/// An index that finds the other end of a connection if that end is on this machine.
///
/// The two ends of a TCP connection have the same two addresses in opposite order. For a Unix
/// socket, the kernel reports the inode of the peer. A client that is not accepted yet is assigned
/// to the listener.
package struct SocketPairs: Sendable {
    private struct Addresses: Hashable {
        var local: SocketAddress
        var remote: SocketAddress
    }

    private var tcp: [Addresses: Int] = [:]
    private var unix: [UInt32: Int] = [:]
    private var listeners: [SocketAddress: [Int]] = [:]
    /// The IP addresses at which sockets of this machine are bound.
    private var localAddresses: Set<IPAddress> = []
    private var listenerOfClient: [UInt32: Int] = [:]
    private let sockets: [MachineSocket]

    init(_ sockets: [MachineSocket]) {
        self.sockets = sockets
        tcp.reserveCapacity(sockets.count)
        // Read the fields in place, because copying a whole socket with its statistics is
        // expensive.
        for index in sockets.indices {
            if let ip = sockets[index].local.ip { localAddresses.insert(ip) }
            switch (sockets[index].kind, sockets[index].isListening) {
            case (.tcp, false):
                let addresses = Addresses(
                    local: sockets[index].local, remote: sockets[index].remote)
                tcp[addresses] = index
            case (.tcp, true):
                listeners[sockets[index].local, default: []].append(index)
            case (.unix, false):
                if sockets[index].inode != 0 { unix[sockets[index].inode] = index }
            case (.udp, _): break
            case (.unix, true):
                for client in sockets[index].pendingInodes { listenerOfClient[client] = index }
            }
        }
    }

    /// Returns the other end, or nil if it is on another machine, in another network namespace, or
    /// closed.
    package func peer(of socket: MachineSocket) -> MachineSocket? {
        guard socket.isConnected else { return nil }
        switch socket.kind {
        case .tcp:
            let index = tcp[Addresses(local: socket.remote, remote: socket.local)]
            // A socket may be connected to itself, so the result may be `socket`.
            return index.map { sockets[$0] }
        case .unix:
            guard let inode = socket.peerInode, inode != 0, let index = unix[inode] else {
                return nil
            }
            // The kernel reuses inodes, so check that the peer refers back to this socket.
            return sockets[index].peerInode == socket.inode ? sockets[index] : nil
        case .udp: return nil
        }
    }

    /// Returns the listener that has not accepted the connection of this end yet, or nil if the
    /// connection was accepted.
    func listenerThatShouldAccept(_ socket: MachineSocket) -> MachineSocket? {
        switch socket.kind {
        case .unix:
            return listenerOfClient[socket.inode].map { sockets[$0] }
        case .tcp:
            if isUnanswered(socket) { return listener(at: socket.remote) }
            let waiting = socket.isOwnerless ? socket : peer(of: socket)
            guard let waiting, isUnaccepted(waiting) else { return nil }
            return listener(at: waiting.local)
        case .udp: return nil
        }
    }

    /// Returns whether the connection of this end waits in a listener's queue, so that no process
    /// owns the end yet.
    package func isQueued(_ socket: MachineSocket) -> Bool {
        socket.kind == .tcp && isUnaccepted(socket) && !listeners(at: socket.local).isEmpty
    }

    /// Returns whether a full backlog on this machine explains why this end gets no answer.
    ///
    /// The kernel does not answer clients of a listener with a full backlog.
    func isIgnoredByFullListener(_ socket: MachineSocket) -> Bool {
        isUnanswered(socket) && listeners(at: socket.remote).contains(where: \.isFull)
    }

    /// Returns whether a client on this machine gets no answer because the connection has no end at
    /// the server yet.
    ///
    /// The client's state may be established, because the kernel also ignores the last segment of
    /// the handshake if the backlog is full.
    private func isUnanswered(_ socket: MachineSocket) -> Bool {
        guard isPeerLocal(socket), !socket.isOwnerless else { return false }
        let statistics = socket.statistics
        return statistics.state == .synSent
            || statistics.state == .established && (statistics.retransmissions ?? 0) > 0
                && peer(of: socket) == nil
    }

    /// Returns whether the remote address of this end belongs to this machine.
    func isPeerLocal(_ socket: MachineSocket) -> Bool {
        guard socket.kind == .tcp, let ip = socket.remote.ip else { return socket.kind == .unix }
        return ip.isLoopback || localAddresses.contains(ip)
    }

    /// Returns the socket that listens on this address, or on the wildcard address with the same
    /// port.
    ///
    /// Returns nil if there is none, or if several share the port.
    func listener(at address: SocketAddress) -> MachineSocket? {
        let found = listeners(at: address)
        return found.count == 1 ? found[0] : nil
    }

    private func listeners(at address: SocketAddress) -> [MachineSocket] {
        guard let port = address.port else { return [] }
        let wildcards: [SocketAddress] = [
            .ipv4(.any, port: port), .ipv6(.any, port: port),
        ]
        for candidate in [address] + wildcards {
            if let found = listeners[candidate] { return found.map { sockets[$0] } }
        }
        return []
    }

    /// Returns whether no process owns this end yet, although the connection is established.
    private func isUnaccepted(_ socket: MachineSocket) -> Bool {
        let states: Set<ConnectionStatistics.State?> = [.established, .closeWait]
        return socket.isOwnerless && states.contains(socket.statistics.state)
    }
}
