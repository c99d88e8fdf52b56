internal import Sockets

// Findings about connections that the peer has closed or half-closed and the program has not
// closed.
extension Analysis {
    /// What is known about the peer after it has sent EOF.
    enum PeerEnd: Sendable {
        /// No program owns the peer's end any more, so the peer has closed the connection.
        case closed
        /// A program still owns the peer's end.
        case halfClosed
        /// The peer's end is on another machine, in another network namespace, behind address
        /// translation, or was closed long ago.
        case unknown(isAddressLocal: Bool)

        /// How certain it is that the program should have closed its end.
        var confidence: StallReport.Confidence {
            switch self {
            case .closed: .certain
            case .unknown(isAddressLocal: true): .likely
            case .halfClosed, .unknown: .possible
            }
        }

        /// The minimum time without transferred bytes before the connection is reported.
        ///
        /// It is longer if the peer may have only half-closed, because the program may still
        /// compute an answer.
        var gracePeriod: Duration {
            switch self {
            case .closed: .seconds(1)
            case .halfClosed, .unknown: .seconds(10)
            }
        }
    }

    /// Returns a finding if the program keeps this end open although the peer has closed or
    /// half-closed the connection, and otherwise nil.
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

    /// A Boolean value that indicates whether an end must be watched longer before it can be
    /// reported.
    ///
    /// The kernel does not report when the peer of a Unix socket closed the connection, so only
    /// watching shows how long ago that was.
    var hasUndecidedEnd: Bool {
        machine.sockets.contains { end in
            guard isEndedAndEmpty(end), timeSinceEnd(of: end) == nil else { return false }
            return lastingPeerEnd(of: end).map { isWithinGracePeriod(end, $0) } ?? false
        }
    }

    /// Returns whether the peer has closed or half-closed the connection, and no bytes wait in
    /// either direction.
    func isEndedAndEmpty(_ end: MachineSocket) -> Bool {
        guard end.statistics.receiveQueue == 0, end.statistics.sendQueue == 0 else { return false }
        switch end.kind {
        case .tcp: return end.statistics.state == .closeWait
        case .unix: return end.statistics.isHungUp == true && !end.isOwnerless
        case .udp: return false
        }
    }

    /// Returns what is known about the peer of a TCP connection after the peer has sent EOF.
    func tcpPeerEnd(of end: MachineSocket) -> PeerEnd {
        // If the peer is on this machine, the kernel lists its end until a minute after a program
        // has closed it. So an end that is missing is elsewhere, or was closed long ago.
        guard let peer = pairs.peer(of: end) else {
            return .unknown(isAddressLocal: pairs.isPeerLocal(end))
        }
        return peer.isOwnerless ? .closed : .halfClosed
    }

    /// Returns what is known about the peer if it had already closed or half-closed the connection
    /// at the first sample, and otherwise nil.
    private func lastingPeerEnd(of end: MachineSocket) -> PeerEnd? {
        guard earlier(end).map(isEndedAndEmpty) == true else { return nil }
        guard end.kind == .unix else { return tcpPeerEnd(of: end) }
        // A hang-up alone does not prove that the peer has closed its end, because a program can
        // also shut down both directions and keep its end open. But the kernel reports the inode of
        // the peer's end only while that end is open.
        return end.peerInode ?? 0 == 0 ? .closed : nil
    }

    private func isWithinGracePeriod(_ end: MachineSocket, _ peer: PeerEnd) -> Bool {
        (timeSinceEnd(of: end) ?? timeWatched) < peer.gracePeriod
    }

    /// The time between the samples.
    private var timeWatched: Duration {
        samples.earlier.map { machine.takenAt - $0.takenAt } ?? .zero
    }

    /// Returns the time since the peer's last acknowledgement, or nil if the kernel does not report
    /// it.
    ///
    /// The segment with the peer's FIN also acknowledges data. So the time begins at the FIN, or at
    /// the acknowledgement of bytes that the program sent after the FIN.
    private func timeSinceEnd(of end: MachineSocket) -> Duration? {
        end.statistics.timeSinceLastAcknowledgement
    }
}
