// Diagnoses of ended connections and failed networks.
extension StallAnalysis {
    /// The diagnosis if the connection has ended or broken.
    var ended: Diagnosis? {
        if now.state == .closed || (!isTCP && now.isHungUp == true) {
            let rest = receiveQueue > 0 ? "; \(receiveQueue.bytes) from it can still be read" : ""
            return Diagnosis(
                .peerGone, .certain,
                isTCP
                    ? "the connection no longer exists, because it was reset, timed out, or was closed"
                        + " by both ends\(rest)"
                    : "the peer has closed its end\(rest)",
                advice: receiveQueue > 0
                    ? "Read the remaining bytes, then close and connect again."
                    : "Close the connection, and connect again.")
        }
        let isHalfClosed =
            isTCP
            ? now.state == .closeWait || now.state == .lastAck || now.state == .closing
            : now.hasPeerHalfClosed == true
        guard isHalfClosed, receiveQueue == 0, sendQueue == 0 else { return nil }
        return Diagnosis(
            .peerGone, .likely,
            "the peer has half-closed, everything that it sent was read, and no bytes wait to be sent",
            advice: "Close the connection, unless the peer still expects data.")
    }

    /// The diagnosis if the peer's machine does not answer data or probes.
    var networkLost: Diagnosis? {
        if now.state == .synSent || now.state == .synReceived { return unanswered }
        let advice = adviceForLostNetwork
        if let times = now.retransmissions, times >= 1, isInFlight, isWithoutAnswer {
            let what = now.unacknowledgedBytes.map { $0 > 0 ? $0.bytes : "data" } ?? "data"
            return Diagnosis(
                .networkLost, times >= 4 ? .certain : times >= 2 ? .likely : .possible,
                "\(what) in flight were sent again \(times.times) without an answer\(unansweredTime)",
                advice: advice)
        }
        // Require two probes and a second of silence, because a peer's kernel answers only one of
        // two probes within half a second.
        let silence = now.timeSinceLastAcknowledgement
        if let probes = now.probes, probes >= 2, silence.map({ $0 >= Self.answerTime }) ?? true {
            let last = silence.map { "; the last answer came \($0.brief) ago" } ?? ""
            let waiting = sendQueue > 0 ? "\(sendQueue.bytes) wait to be sent, and " : ""
            return Diagnosis(
                .networkLost, probes >= 4 ? .certain : .likely,
                "\(waiting)\(probes) probes in a row were not answered\(last)", advice: advice)
        }
        return nil
    }

    var adviceForLostNetwork: String {
        now.isPeerLocal == true
            ? "Check the firewall of this machine, because the peer's address belongs to it."
            : "Check the path to the peer (firewall, cable, the peer's machine), because the program"
                + " itself can only set a time limit and connect again."
    }

    /// The time without an answer as a phrase with a leading space; empty if it is unknown.
    private var unansweredTime: String {
        now.timeUnanswered.map { " for \($0.brief)" } ?? ""
    }

    /// The diagnosis if the connection is not established yet.
    private var unanswered: Diagnosis {
        let times = now.retransmissions ?? 0
        return Diagnosis(
            times > 0 ? .networkLost : .undetermined, times >= 2 ? .likely : .possible,
            "the connection was requested \((times + 1).times) without an answer\(unansweredTime)",
            advice: now.isPeerLocal == true
                ? adviceForLostNetwork
                : "Set a time limit for connecting, because a firewall may be dropping packets.")
    }

    /// A Boolean value that indicates whether no acknowledgement has arrived since data was last
    /// sent.
    ///
    /// An acknowledgement that announces a closed window is also an answer.
    private var isWithoutAnswer: Bool {
        guard let silence = now.timeSinceLastAcknowledgement, let sent = now.timeSinceLastSend
        else { return true }
        return silence > sent + Self.clockTick
    }
}
