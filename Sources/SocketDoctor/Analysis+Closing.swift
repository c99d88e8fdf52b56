internal import Sockets

// Findings about connections that the peer has ended and the program has not closed.
extension Analysis {
    /// What the end of the stream shows about the peer.
    enum PeerEnd: Sendable {
        /// No program has the peer's end any more.
        case closed
        /// A program still has the peer's end.
        case halfClosed
        /// The peer's end is on another machine, in another network namespace, behind address
        /// translation, or closed for long.
        case unknown(isAddressLocal: Bool)

        /// How certain it is that the program should have closed its end.
        var confidence: StallReport.Confidence {
            switch self {
            case .closed: .certain
            case .unknown(isAddressLocal: true): .likely
            case .halfClosed, .unknown: .possible
            }
        }

        /// The time without transferred bytes after which the connection is reported.
        ///
        /// A program may still compute an answer for a peer that has only half-closed.
        var gracePeriod: Duration {
            switch self {
            case .closed: .seconds(1)
            case .halfClosed, .unknown: .seconds(10)
            }
        }
    }

    /// Returns a finding about an ended end that its program keeps open, or nil.
    func notClosed(_ end: MachineSocket) -> Finding? {
        guard let peer = lastingPeerEnd(of: end), !isWithinGracePeriod(end, peer) else {
            return nil
        }
        let time = timeSinceEnd(of: end)
        let blockers = processes(of: end)
        let cause = cause(blockers, end)
        let isQueued = pairs.isQueued(end)
        return Finding(
            .notClosed, peer.confidence, connections: [[end]],
            stall: time.map { ($0, false) } ?? (timeWatched, true),
            evidence: text.notClosed(end, peer, isQueued: isQueued) + cause.text,
            advice: cause.advice
                ?? (isQueued
                    ? Self.adviceToAccept
                    : "The program must close the descriptor when a read returns 0 bytes, because"
                        + " otherwise it runs out of descriptors."),
            blockers: cause.blockers)
    }

    /// A Boolean value that indicates whether an end may have to be reported after further watching,
    /// because the kernel does not report when the peer closed it.
    var hasUndecidedEnd: Bool {
        machine.sockets.contains { end in
            guard isEndedAndEmpty(end), timeSinceEnd(of: end) == nil else { return false }
            return lastingPeerEnd(of: end).map { isWithinGracePeriod(end, $0) } ?? false
        }
    }

    /// Returns whether the peer has ended the stream, and no bytes wait in either direction.
    func isEndedAndEmpty(_ end: MachineSocket) -> Bool {
        guard end.statistics.receiveQueue == 0, end.statistics.sendQueue == 0 else { return false }
        switch end.kind {
        case .tcp: return end.statistics.state == .closeWait
        case .unix: return end.statistics.isHungUp == true && !end.isOwnerless
        case .udp: return false
        }
    }

    /// Returns what is known about the peer of an ended TCP connection.
    func tcpPeerEnd(of end: MachineSocket) -> PeerEnd {
        // For a minute, the kernel keeps the end that a program of this machine has closed.
        guard let peer = pairs.peer(of: end) else {
            return .unknown(isAddressLocal: pairs.isPeerLocal(end))
        }
        return peer.isOwnerless ? .closed : .halfClosed
    }

    /// Returns what is known about the peer of an end that was ended at both samples; nil for other
    /// ends.
    private func lastingPeerEnd(of end: MachineSocket) -> PeerEnd? {
        guard earlier(end).map(isEndedAndEmpty) == true else { return nil }
        guard end.kind == .unix else { return tcpPeerEnd(of: end) }
        // Either program can shut down both directions, which leaves both ends open. The kernel
        // reports the inode of the peer until the peer's end is closed.
        return end.peerInode ?? 0 == 0 ? .closed : nil
    }

    private func isWithinGracePeriod(_ end: MachineSocket, _ peer: PeerEnd) -> Bool {
        (timeSinceEnd(of: end) ?? timeWatched) < peer.gracePeriod
    }

    /// The time between the samples.
    private var timeWatched: Duration {
        samples.earlier.map { machine.takenAt - $0.takenAt } ?? .zero
    }

    /// Returns the time since the peer ended the stream, or since bytes were last sent after that.
    ///
    /// The segment with the peer's FIN also acknowledges data.
    private func timeSinceEnd(of end: MachineSocket) -> Duration? {
        end.statistics.timeSinceLastAcknowledgement
    }
}
