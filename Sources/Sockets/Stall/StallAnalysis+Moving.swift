// Bytes that move, and how fast.
extension StallAnalysis {
    /// Whether two looks differ: then nothing is stuck, though it may be slow.
    var moving: Diagnosis? {
        guard let change, !isDeadlocked else { return nil }
        // What the peer's kernel had room for before has not been read, and not what came here
        // and lies here since.
        let sent = isPeerFull && change.peerHasRead == false ? 0 : change.acknowledged ?? 0
        let lies =
            unread >= change.received ?? 0 && (now.timeSinceLastReceive ?? .zero) >= Self.pause
        let received = lies ? 0 : change.received ?? 0
        if sent > 0, queued > 0, isSlow(sent, change.time) { return slow(sent, change) }
        if sent > 0 || received > 0 {
            let parts = [
                sent > 0 ? "\(sent.bytes) were acknowledged" : nil,
                received > 0 ? "\(received.bytes) came" : nil,
            ]
            let what = parts.compactMap { $0 }.joined(separator: " and ")
            return moves("\(what) in \(change.time.brief)")
        }
        // Where bytes are counted, only our own reading is seen in the queues alone; and what moves
        // here moves no peer that is full.
        let isCounted = change.acknowledged != nil && change.received != nil
        let differs = isCounted ? change.weHaveRead : change.queuesDiffer
        guard !(isTCP && isPeerFull), differs || (!isCounted && still(change) < change.time)
        else { return nil }
        // They differed, and have been the same for so long since that it is over.
        if still(change) >= Self.pause { return nil }
        return moves("the queues changed within \(change.time.brief)")
    }

    /// How long the queues have been the same, of what was watched.
    private func still(_ change: Change) -> Duration {
        min(now.timeSinceQueuesChanged ?? (change.queuesDiffer ? .zero : change.time), change.time)
    }

    /// Both ends had moved before they got stuck, and that was between the looks.
    private var isDeadlocked: Bool {
        isPeerFull && isOurWindowFull && (now.timeSinceLastSend ?? .zero) >= Self.long
            && (now.timeSinceLastReceive ?? .zero) >= Self.long
    }

    func moves(
        _ evidence: String, _ confidence: StallReport.Confidence = .certain
    ) -> Diagnosis {
        Diagnosis(
            .moving, confidence, evidence,
            advice: "Nothing stands in the way; if it takes too long, give it a longer limit.")
    }

    /// Whether what waits to go out would take long at this rate. A queue that is full is usual:
    /// whoever sends as fast as he can fills it.
    private func isSlow(_ bytes: Int, _ time: Duration) -> Bool {
        Double(queued) > Self.slowQueue * rate(bytes, time)
    }

    private func rate(_ bytes: Int, _ time: Duration) -> Double {
        let seconds = time / .seconds(1)
        return seconds > 0 ? Double(bytes) / seconds : .infinity
    }

    /// Bytes a second, as a number that can be told; nil where no time has passed.
    func wholeRate(_ bytes: Int, _ time: Duration) -> Int? {
        let rate = rate(bytes, time)
        return rate < 1e18 ? max(1, Int(rate)) : nil
    }

    private func slow(_ bytes: Int, _ change: Change) -> Diagnosis {
        let rate = wholeRate(bytes, change.time)
        let held = change.windowLimited.map { $0 * 2 >= change.time } ?? isPeerFull
        let queue =
            "\(bytes.bytes) were acknowledged in \(change.time.brief), and \(queued.bytes) wait"
        if held || isPeerFull {
            return Diagnosis(
                .peerReadingSlowly(bytesPerSecond: rate), .likely,
                "\(queue) for the peer's window, which opens little by little",
                advice: Self.adviceForSlowReader)
        }
        let limit: StallReport.Limitation? =
            change.retransmitted > 0 || (now.retransmissions ?? 0) > 0 || isInFlight
            ? .congestion : nil
        let again =
            change.retransmitted > 0 ? " (\(change.retransmitted) segments were sent again)" : ""
        return Diagnosis(
            .movingSlowly(bytesPerSecond: rate, limitedBy: limit), .likely, queue + again,
            advice: "Send less, or give it a limit that fits the rate.")
    }

    static let adviceForSlowReader =
        "Give it a limit that fits the rate, send less, or see what keeps the peer busy."
}
