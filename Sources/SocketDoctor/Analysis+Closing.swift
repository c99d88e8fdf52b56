internal import Sockets

// Findings about connections that the peer has closed and the program has not.
extension Analysis {
    /// Returns a finding about an ended end that its program keeps open, or nil.
    ///
    /// A program may still compute an answer for a peer that has only half-closed. So the finding
    /// needs a time without transferred bytes, which depends on what is known about the peer.
    func notClosed(_ end: MachineSocket) -> Finding? {
        guard earlier(end).map(hasEnded) == true else { return nil }
        let (confidence, shortest) = certainty(of: end)
        let time = timeSinceEnd(of: end)
        guard (time ?? shortest) >= shortest else { return nil }
        let blockers = processes(of: end)
        let cause = cause(blockers, end)
        let isQueued = pairs.isQueued(end)
        return Finding(
            .notClosed, confidence, connections: [[end]],
            stall: time.map { ($0, false) }
                ?? samples.earlier.map { (machine.takenAt - $0.takenAt, true) },
            evidence: text.notClosed(end, confidence, isQueued: isQueued) + cause.text,
            advice: cause.advice
                ?? (isQueued
                    ? Self.adviceToAccept
                    : "The program must close the descriptor when a read returns 0 bytes, because"
                        + " otherwise it runs out of descriptors."),
            blockers: cause.blockers)
    }

    /// Returns whether the peer has ended the stream, and no bytes wait in either direction.
    func hasEnded(_ end: MachineSocket) -> Bool {
        guard end.statistics.receiveQueue == 0, end.statistics.sendQueue == 0 else { return false }
        switch end.kind {
        case .tcp: return end.statistics.state == .closeWait
        case .unix: return end.statistics.isHungUp == true && !end.isOwnerless
        case .udp: return false
        }
    }

    /// Returns how certain it is that the peer has closed the connection and not only half-closed
    /// it, and after which time the connection is reported.
    private func certainty(of end: MachineSocket) -> (StallReport.Confidence, Duration) {
        guard end.kind == .tcp else { return (.likely, .zero) }
        if let peer = pairs.peer(of: end), !peer.isOwnerless { return (.possible, .seconds(10)) }
        return pairs.isPeerLocal(end) ? (.certain, .seconds(1)) : (.likely, .seconds(2))
    }

    /// Returns the time since the peer ended the stream, or since bytes were last sent after that.
    ///
    /// The segment with the peer's FIN also acknowledges data.
    private func timeSinceEnd(of end: MachineSocket) -> Duration? {
        end.statistics.timeSinceLastAcknowledgement
    }
}
