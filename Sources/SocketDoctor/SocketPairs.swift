package import Sockets

/// Finds the other end of a connection, where it is on this machine too.
///
/// A TCP connection has the same two addresses at both ends, in the other order; a Unix socket knows
/// the inode of its peer. A caller that nobody has accepted belongs to the socket that listens.
package struct SocketPairs: Sendable {
    private struct Addresses: Hashable {
        var local: SocketAddress
        var remote: SocketAddress
    }

    private var tcp: [Addresses: Int] = [:]
    private var unix: [UInt32: Int] = [:]
    private var listeners: [SocketAddress: [Int]] = [:]
    private var listenerOfCaller: [UInt32: Int] = [:]
    private let sockets: [MachineSocket]

    package init(_ sockets: [MachineSocket]) {
        self.sockets = sockets
        tcp.reserveCapacity(sockets.count)
        // By its fields, because a whole socket with its statistics is a lot to copy.
        for index in sockets.indices {
            switch (sockets[index].kind, sockets[index].isListening) {
            case (.tcp, false):
                let addresses = Addresses(
                    local: sockets[index].local, remote: sockets[index].remote)
                tcp[addresses] = index
            case (.tcp, true):
                listeners[sockets[index].local, default: []].append(index)
            case (.unix, false):
                if sockets[index].inode != 0 { unix[sockets[index].inode] = index }
            case (.unix, true):
                for caller in sockets[index].callerInodes { listenerOfCaller[caller] = index }
            }
        }
    }

    /// The other end; nil if it is on another machine, in another network namespace, or gone.
    package func peer(of socket: MachineSocket) -> MachineSocket? {
        guard socket.isConnected else { return nil }
        switch socket.kind {
        case .tcp:
            let index = tcp[Addresses(local: socket.remote, remote: socket.local)]
            // One that is connected to itself is its own peer.
            return index.map { sockets[$0] }
        case .unix:
            guard let inode = socket.peerInode, inode != 0, let index = unix[inode] else {
                return nil
            }
            // Inodes are used again; a peer that does not know us is another's.
            return sockets[index].peerInode == socket.inode ? sockets[index] : nil
        }
    }

    /// Who should accept this connection, as one of its ends sees it: nil once it was accepted.
    package func listenerThatShouldAccept(_ socket: MachineSocket) -> MachineSocket? {
        switch socket.kind {
        case .unix:
            return listenerOfCaller[socket.inode].map { sockets[$0] }
        case .tcp:
            let waiting = socket.isOwnerless ? socket : peer(of: socket)
            guard let waiting, isUnaccepted(waiting) else { return nil }
            return listener(at: waiting.local)
        }
    }

    /// The socket that takes callers at this address, or at any address of its port; nil if there is
    /// none, or if several share the port.
    package func listener(at address: SocketAddress) -> MachineSocket? {
        guard let port = address.port else { return nil }
        let anywhere: [SocketAddress] = [
            .ipv4(.any, port: port), .ipv6(.any, port: port),
        ]
        for candidate in [address] + anywhere {
            if let found = listeners[candidate] {
                return found.count == 1 ? sockets[found[0]] : nil
            }
        }
        return nil
    }

    /// Whether no program has this end yet, though the connection is there.
    private func isUnaccepted(_ socket: MachineSocket) -> Bool {
        let states: Set<ConnectionStatistics.State?> = [.established, .closeWait]
        return socket.isOwnerless && states.contains(socket.statistics.state)
    }
}
