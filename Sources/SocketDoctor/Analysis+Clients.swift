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
        let isFull =
            listener.pendingConnections > listener.backlog
            && earlier.pendingConnections > earlier.backlog
        guard !clients.isEmpty || isFull else { return nil }
        let blockers = processes(of: listener)
        guard !blockers.isEmpty || isFull else { return nil }
        let cause = cause(blockers, listener)
        let shown = clients.filter { !$0.isOwnerless }.prefix(Self.shownClients)
        return Finding(
            .notAccepting, isFull ? .certain : .likely,
            edges: shown.flatMap { edge(from: $0, to: listener, .accept) },
            connections: [[listener]] + shown.map { [$0] },
            stall: samples.earlier.map { (machine.takenAt - $0.takenAt, true) },
            evidence: text.notAccepted(listener, isFull: isFull) + cause.text,
            advice: cause.advice
                ?? "The program must call accept, in a separate loop if other work keeps it busy.",
            blockers: cause.blockers)
    }

    private static let shownClients = 3

    /// Returns the clients on this machine that wait for this listener to accept them.
    private func clients(of listener: MachineSocket) -> [MachineSocket] {
        machine.sockets.filter { socket in
            guard socket.isConnected else { return false }
            return pairs.listenerThatShouldAccept(socket)?.identity == listener.identity
        }
    }
}
