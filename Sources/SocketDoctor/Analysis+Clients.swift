internal import Sockets

// Findings about clients that wait to be accepted.
extension Analysis {
    /// Returns a finding about a listener whose program does not accept the waiting clients.
    func notAccepting(_ listener: MachineSocket) -> Finding? {
        guard listener.pendingConnections > 0, let earlier = earlier(listener),
            earlier.pendingConnections > 0
        else { return nil }
        // Keep only the clients that waited at both samples, because a healthy listener may have
        // new clients that wait briefly.
        let clients = clients(of: listener).filter(existedBefore)
        let ended = clients.filter(hasEnded)
        let endedCount =
            listener.kind == .unix
            ? min(listener.closedClients, earlier.closedClients) : ended.count
        let isFull = listener.isFull && earlier.isFull
        guard !clients.isEmpty || endedCount > 0 || isFull else { return nil }
        let blockers = processes(of: listener)
        guard !blockers.isEmpty || isFull else { return nil }
        let cause = cause(blockers, listener)
        let shown = clients.filter { !$0.isOwnerless || hasEnded($0) }
            .prefix(Self.shownClients)
        let ignored = clients.count { pairs.isIgnoredByFullListener($0) }
        return Finding(
            .notAccepting, isFull ? .certain : .likely,
            edges: shown.flatMap { edge(from: $0, to: listener, .accept) },
            connections: [[listener]] + shown.map { [$0] },
            stall: clients.compactMap(waitingTime).max().map { ($0, false) }
                ?? samples.earlier.map { (machine.takenAt - $0.takenAt, true) },
            evidence: text.notAccepted(listener, isFull: isFull, ignored: ignored)
                + text.ended(
                    endedCount, of: listener.pendingConnections,
                    areClosed: ended.allSatisfy(hasClosed)) + cause.text,
            advice: cause.advice ?? Self.adviceToAccept,
            blockers: cause.blockers)
    }

    private static let shownClients = 3

    static let adviceToAccept =
        "The program must call accept, in a separate loop if other work keeps it busy."

    /// Returns whether a queued client has closed its connection, or may have closed it, before a
    /// program accepted it.
    ///
    /// The result is false for a client that is known to have only half-closed.
    private func hasEnded(_ end: MachineSocket) -> Bool {
        guard end.isOwnerless, end.statistics.state == .closeWait else { return false }
        if case .halfClosed = tcpPeerEnd(of: end) { return false }
        return true
    }

    /// Returns whether this queued client is known to have closed its connection.
    private func hasClosed(_ end: MachineSocket) -> Bool {
        if case .closed = tcpPeerEnd(of: end) { true } else { false }
    }

    /// Returns how long a client has waited to be accepted, or nil if that is unknown.
    private func waitingTime(_ end: MachineSocket) -> Duration? {
        guard end.kind == .tcp else { return nil }
        if pairs.isIgnoredByFullListener(end) { return end.statistics.timeUnanswered }
        // The server's end of a queued connection has no owner and has never sent, so the time
        // since its last send began when the client was queued.
        return end.isOwnerless ? end.statistics.timeSinceLastSend : nil
    }

    /// Returns the clients on this machine that wait for this listener to accept them.
    private func clients(of listener: MachineSocket) -> [MachineSocket] {
        machine.sockets.filter { socket in
            guard socket.isConnected else { return false }
            return pairs.listenerThatShouldAccept(socket)?.identity == listener.identity
        }
    }
}
