// Diagnoses of connections that transfer bytes, and their rates.
extension StallAnalysis {
    /// The diagnosis if bytes were transferred between the two samples, so the connection may be
    /// slow but is not stuck.
    var moving: Diagnosis? {
        guard let change else { return nil }
        if let reading = reading(change) { return reading }
        guard !isDeadlocked else { return nil }
        // Acknowledged bytes are not progress if they only filled the peer's window, because the
        // peer has not read them. Received bytes are not progress if they are all still queued,
        // because this end has not read them.
        let sent = isPeerFull && change.peerHasRead == false ? 0 : change.acknowledged ?? 0
        let allWait =
            receiveQueue >= change.received ?? 0
            && (now.timeSinceLastReceive ?? .zero) >= Self.observedStall
        let received = allWait ? 0 : change.received ?? 0
        if sent > 0, sendQueue > 0, isSlow(sent, change.time) { return slow(sent, change) }
        if sent > 0 || received > 0 {
            let parts = [
                sent > 0 ? "\(sent.bytes) were acknowledged" : nil,
                received > 0 ? "\(received.bytes) arrived" : nil,
            ]
            let what = parts.compactMap { $0 }.joined(separator: " and ")
            return moves("\(what) in \(change.time.brief)")
        }
        // If the kernel counts bytes, its counts measure the progress, and the queues only show
        // whether this end has read. If the peer's window is full, reading does not help this end
        // to send, so reading is not progress.
        let isCounted = change.acknowledged != nil && change.received != nil
        let differs = isCounted ? change.weHaveRead : change.queuesDiffer
        guard !(isTCP && isPeerFull), differs || (!isCounted && stillness(change) < change.time)
        else { return nil }
        // If the last change was too long ago, the transfer has stopped.
        if stillness(change) >= Self.observedStall { return nil }
        return moves("the queues changed within \(change.time.brief)")
    }

    /// Returns the diagnosis if bytes wait at one end and the program at that end was seen to read,
    /// or nil otherwise.
    private func reading(_ change: Change) -> Diagnosis? {
        if let read = reads.atPeer, read > 0, sendQueue > 0 {
            let evidence = "the peer read \(read.bytes) in \(change.time.brief)"
            guard isSlow(read, change.time) else { return moves(evidence) }
            return Diagnosis(
                .peerReadingSlowly(bytesPerSecond: wholeRate(read, change.time)), .certain,
                "\(evidence), and \(sendQueue.bytes) wait to be sent",
                advice: Self.adviceForSlowReader)
        }
        // The send queue must be empty. Otherwise the peer may have stopped reading, and reading at
        // this end does not help to send the queued bytes.
        guard let read = reads.here, read > 0, receiveQueue > 0, sendQueue == 0 else { return nil }
        let evidence = "this end read \(read.bytes) in \(change.time.brief)"
        guard Double(receiveQueue) > Self.slowQueueSeconds * rate(read, change.time) else {
            // After a pause as long as `observedStall`, the program may have stopped.
            return moves(evidence, stillness(change) < Self.observedStall ? .certain : .possible)
        }
        return Diagnosis(
            .movingSlowly(bytesPerSecond: wholeRate(read, change.time), limitedBy: nil),
            .certain, "\(evidence), and \(receiveQueue.bytes) wait to be read",
            advice: "Find out what keeps the program of this end busy, because the peer must wait.")
    }

    /// Returns how long the queues have been unchanged, at most the time between the samples.
    private func stillness(_ change: Change) -> Duration {
        min(now.timeSinceQueuesChanged ?? (change.queuesDiffer ? .zero : change.time), change.time)
    }

    /// A Boolean value that indicates whether a deadlock began between the samples, after bytes
    /// were transferred in both directions.
    private var isDeadlocked: Bool {
        isPeerFull && isOurWindowFull && (now.timeSinceLastSend ?? .zero) >= Self.likelyStall
            && (now.timeSinceLastReceive ?? .zero) >= Self.likelyStall
    }

    func moves(_ evidence: String, _ confidence: StallReport.Confidence = .certain) -> Diagnosis {
        Diagnosis(
            .moving, confidence, evidence,
            advice: "Nothing is stuck, so set a longer time limit if the operation times out.")
    }

    /// Returns whether the send queue would take long to drain at this rate.
    ///
    /// A full queue alone is normal, because any program that sends at full speed fills the queue.
    private func isSlow(_ bytes: Int, _ time: Duration) -> Bool {
        Double(sendQueue) > Self.slowQueueSeconds * rate(bytes, time)
    }

    private func rate(_ bytes: Int, _ time: Duration) -> Double {
        let seconds = time / .seconds(1)
        return seconds > 0 ? Double(bytes) / seconds : .infinity
    }

    /// Returns the rate in bytes per second, or nil if it is infinite or does not fit into an
    /// `Int`.
    func wholeRate(_ bytes: Int, _ time: Duration) -> Int? {
        let rate = rate(bytes, time)
        return rate < 1e18 ? max(1, Int(rate)) : nil
    }

    private func slow(_ bytes: Int, _ change: Change) -> Diagnosis {
        let rate = wholeRate(bytes, change.time)
        let isWindowLimited = change.windowLimited.map { $0 * 2 >= change.time } ?? isPeerFull
        let queue =
            "\(bytes.bytes) were acknowledged in \(change.time.brief), and \(sendQueue.bytes) wait"
        if isWindowLimited || isPeerFull {
            return Diagnosis(
                .peerReadingSlowly(bytesPerSecond: rate), .likely,
                "\(queue) for the peer's window, which opens slowly",
                advice: Self.adviceForSlowReader)
        }
        let limit: StallReport.Limitation? =
            change.retransmitted > 0 || (now.retransmissions ?? 0) > 0 || isInFlight
            ? .congestion : nil
        let again =
            change.retransmitted > 0 ? " (\(change.retransmitted) segments were sent again)" : ""
        return Diagnosis(
            .movingSlowly(bytesPerSecond: rate, limitedBy: limit), .likely, queue + again,
            advice: "Send less, or set a time limit that fits the rate.")
    }

    static let adviceForSlowReader =
        "Set a time limit that fits the rate, send less, or find out what keeps the peer busy."
}
