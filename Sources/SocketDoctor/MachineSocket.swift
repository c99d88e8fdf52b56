package import Sockets

/// A stream or UDP socket of any process on this machine, as the kernel describes it.
package struct MachineSocket: Hashable, Sendable {
    /// The kinds of sockets that are examined.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case tcp, unix
        /// Only the holder and the receive queue of a UDP socket are examined, because the kernel
        /// keeps no connection.
        case udp
    }

    /// The identity of a socket, which is unique because the kernel never reuses a cookie.
    package struct Identity: Hashable, Sendable {
        package var kind: Kind
        package var cookie: UInt64

        package init(kind: Kind, cookie: UInt64) {
            self.kind = kind
            self.cookie = cookie
        }
    }

    package var identity: Identity
    /// The inode, with which `/proc/PID/fd` identifies the socket among the descriptors of its
    /// owners.
    ///
    /// It is 0 if no process owns the socket. Examples are a client that is not accepted yet, and a
    /// closed socket with unsent bytes.
    package var inode: UInt32
    /// The owner's user; nil if the kernel does not report it.
    package var user: UInt32?
    package var local: SocketAddress
    package var remote: SocketAddress
    package var statistics: ConnectionStatistics
    /// The inode of the other end of a connected Unix socket; 0 if no process owns that end.
    package var peerInode: UInt32?
    /// A Boolean value that indicates whether the socket listens.
    package var isListening: Bool
    /// The number of clients that wait to be accepted, if the socket listens.
    package var pendingConnections: Int
    /// The backlog that the program gave to listen(2), if the socket listens.
    package var backlog: Int
    /// The inodes of the clients that wait to be accepted, if a Unix socket listens.
    package var pendingInodes: [UInt32]
    /// A lower bound for the number of bytes that the program read between two samples; nil if the
    /// socket was not watched in between.
    package var bytesRead: Int?

    package init(
        _ kind: Kind, cookie: UInt64, inode: UInt32, local: SocketAddress = .unnamed,
        remote: SocketAddress = .unnamed, statistics: ConnectionStatistics = ConnectionStatistics()
    ) {
        identity = Identity(kind: kind, cookie: cookie)
        self.inode = inode
        self.local = local
        self.remote = remote
        self.statistics = statistics
        isListening = false
        (pendingConnections, backlog) = (0, 0)
        pendingInodes = []
    }

    package var kind: Kind { identity.kind }

    /// The number of clients that may wait to be accepted, if the socket listens.
    ///
    /// The kernel compares with `>`, so one client more than the backlog may wait.
    package var capacity: Int { backlog + 1 }

    /// A Boolean value that indicates whether the socket listens and its backlog is full.
    package var isFull: Bool { isListening && pendingConnections >= capacity }

    /// The number of clients that have closed their connection before a program accepted it, if a
    /// Unix socket listens.
    package var closedClients: Int { pendingInodes.count { $0 == 0 } }

    /// A Boolean value that indicates whether no process owns the socket.
    package var isOwnerless: Bool { inode == 0 }

    /// A Boolean value that indicates whether the socket is or was connected, so that it may have
    /// bytes to send or to read.
    package var isConnected: Bool {
        guard !isListening else { return false }
        guard kind == .tcp else { return kind == .unix && peerInode != nil }
        return statistics.state != .closed && statistics.state != .timeWait
    }

    /// A Boolean value that indicates whether a second sample of the socket would be useless,
    /// because no clients wait to be accepted, no bytes are queued or in flight, and the peer has
    /// not closed.
    package var isQuiet: Bool {
        guard !isListening else { return pendingConnections == 0 }
        guard kind != .udp else { return statistics.receiveQueue ?? 0 == 0 }
        let settled: Set<ConnectionStatistics.State?> = [nil, .established, .finWait2]
        return (statistics.receiveQueue ?? 0) == 0 && (statistics.sendQueue ?? 0) == 0
            && (statistics.retransmissions ?? 0) == 0 && (statistics.probes ?? 0) == 0
            && settled.contains(statistics.state) && statistics.isHungUp != true
    }
}
