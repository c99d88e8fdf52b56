internal import Sockets

// Callers that nobody accepts.
extension Analysis {
    /// A socket that listens, and whose program does not take those who wait.
    func unaccepting(_ listener: MachineSocket) -> Finding? {
        guard listener.callers > 0, let earlier = earlier(listener), earlier.callers > 0
        else { return nil }
        // The same caller at both looks: others come and go.
        let callers = callers(of: listener).filter(wasThere)
        let isFull = listener.callers > listener.backlog && earlier.callers > earlier.backlog
        guard !callers.isEmpty || isFull else { return nil }
        let culprits = processes(of: listener)
        guard !culprits.isEmpty || isFull else { return nil }
        let cause = cause(culprits, nil)
        let own = callers.filter { !$0.isOwnerless }
        return Finding(
            .notAccepting, isFull ? .certain : .likely,
            links: own.prefix(Self.shownCallers).flatMap { link(from: $0, to: listener, .accept) },
            connections: [[listener]] + own.prefix(Self.shownCallers).map { [$0] },
            still: survey.earlier.map { (machine.takenAt - $0.takenAt, true) },
            evidence: words.unaccepted(listener, isFull: isFull) + cause.text,
            advice: cause.advice
                ?? "It has to call accept, in a loop of its own if it is busy elsewhere.",
            culprits: cause.culprits)
    }

    private static let shownCallers = 3

    /// Those who wait, as far as they are on this machine.
    private func callers(of listener: MachineSocket) -> [MachineSocket] {
        machine.sockets.filter { socket in
            guard socket.isConnected else { return false }
            return pairs.listenerThatShouldAccept(socket)?.identity == listener.identity
        }
    }
}
