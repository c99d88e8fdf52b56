package import Sockets

/// A stream socket of this machine, whoever has it, as the kernel shows it from outside.
package struct MachineSocket: Hashable, Sendable {
    /// The two kinds that are looked at.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case tcp, unix
    }

    /// What tells it from all others; the kernel uses a cookie only once.
    package struct Identity: Hashable, Sendable {
        package var kind: Kind
        package var cookie: UInt64

        package init(kind: Kind, cookie: UInt64) {
            self.kind = kind
            self.cookie = cookie
        }
    }

    package var identity: Identity
    /// The number under which `/proc` shows it among the descriptors of its owners; 0 if no program
    /// has it: a caller that nobody has accepted, or one that was closed with bytes still to go.
    package var inode: UInt32
    /// Whose it is; nil where that is not told.
    package var user: UInt32?
    package var local: SocketAddress
    package var remote: SocketAddress
    package var statistics: ConnectionStatistics
    /// Of a connected Unix socket the inode of the other end; 0 if no program has that.
    package var peerInode: UInt32?
    /// Whether it waits for callers.
    package var isListening: Bool
    /// Of one that listens: how many callers nobody has accepted.
    package var callers: Int
    /// Of one that listens: how many callers may wait.
    package var backlog: Int
    /// Of a Unix socket that listens: the inodes of the callers that nobody has accepted.
    package var callerInodes: [UInt32]

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
        (callers, backlog) = (0, 0)
        callerInodes = []
    }

    package var kind: Kind { identity.kind }

    /// Whether no program has it.
    package var isOwnerless: Bool { inode == 0 }

    /// Whether bytes can move in it, or could until it broke.
    package var isConnected: Bool {
        guard !isListening else { return false }
        guard kind == .tcp else { return peerInode != nil }
        return statistics.state != .closed && statistics.state != .timeWait
    }

    /// Whether nothing waits in it and nothing is under way: then no second look is needed.
    package var isQuiet: Bool {
        guard !isListening else { return callers == 0 }
        let settled: Set<ConnectionStatistics.State?> = [nil, .established, .closeWait, .finWait2]
        return (statistics.receiveQueue ?? 0) == 0 && (statistics.sendQueue ?? 0) == 0
            && (statistics.retransmissions ?? 0) == 0 && (statistics.probes ?? 0) == 0
            && settled.contains(statistics.state)
    }
}
