// Connections that are over, and networks that are.
extension StallAnalysis {
    /// The connection has ended or broken, so that nothing can move.
    var over: Diagnosis? {
        if now.state == .closed || (!isTCP && now.isHungUp == true) {
            let rest = unread > 0 ? "; \(unread.bytes) that it sent are still here" : ""
            return Diagnosis(
                .peerGone, .certain,
                isTCP
                    ? "the kernel has no connection any more: it was reset, given up, or ended by"
                        + " both\(rest)"
                    : "the peer has closed its end\(rest)",
                advice: unread > 0
                    ? "Read what is left, then close and connect again."
                    : "Close, and connect again.")
        }
        let hasEnded =
            isTCP
            ? now.state == .closeWait || now.state == .lastAck || now.state == .closing
            : now.hasPeerHalfClosed == true
        guard hasEnded, unread == 0, queued == 0 else { return nil }
        return Diagnosis(
            .peerGone, .likely,
            "the peer has ended its half, all that it sent has been read, and nothing of ours"
                + " waits",
            advice: "Close the connection; if it is kept open to write, the peer may still read.")
    }

    /// What was sent is not acknowledged, though it was sent again; or nobody answers our probes.
    var lost: Diagnosis? {
        if now.state == .synSent || now.state == .synReceived { return unanswered }
        let silence = now.timeSinceLastAcknowledgement
        let quiet = silence.map { ", and nothing has been acknowledged for \($0.brief)" } ?? ""
        let advice =
            "Look at the way there (a firewall, a cable, the peer's machine); a time limit and a new"
            + " connection are all that a program can do."
        if let times = now.retransmissions, times >= 1, isInFlight, isWithoutAnswer {
            let what = now.unacknowledgedBytes.map { $0 > 0 ? $0.bytes : "data" } ?? "data"
            return Diagnosis(
                .networkLost, times >= 4 ? .certain : times >= 2 ? .likely : .possible,
                "\(what) in flight were sent again \(times.times) without an answer\(quiet)",
                advice: advice)
        }
        // Of two probes within half a second a peer's kernel answers only one.
        if let probes = now.probes, probes >= 2, silence.map({ $0 >= Self.answerTime }) ?? true {
            let waiting = queued > 0 ? "\(queued.bytes) wait here, " : ""
            return Diagnosis(
                .networkLost, probes >= 4 ? .certain : .likely,
                "\(waiting)\(probes) probes in a row were not answered\(quiet)", advice: advice)
        }
        return nil
    }

    /// A connection that is being made.
    private var unanswered: Diagnosis {
        let times = now.retransmissions ?? 0
        return Diagnosis(
            times > 0 ? .networkLost : .undetermined, times >= 2 ? .likely : .possible,
            "the connection is not made yet, and was asked for \((times + 1).times)",
            advice: "Give connecting a time limit; a firewall may be dropping packets.")
    }

    /// Whether no acknowledgement came after the data that was sent last: one that says "no room"
    /// is an answer too.
    private var isWithoutAnswer: Bool {
        guard let silence = now.timeSinceLastAcknowledgement, let sent = now.timeSinceLastSend
        else {
            return true
        }
        return silence > sent + Self.tick
    }
}
