extension StallReport {
    /// Judges what stands in the way of a connection, by one look at it or two.
    ///
    /// A decision without I/O: the same statistics give the same report.
    ///
    /// - Parameters:
    ///   - earlier: statistics of a moment before, where somebody has watched; nil after one look.
    ///   - later: the statistics that are judged.
    ///   - activity: what was being tried.
    package static func analyze(
        _ earlier: ConnectionStatistics?, _ later: ConnectionStatistics, during activity: Activity
    ) -> StallReport {
        let analysis = StallAnalysis(earlier: earlier, now: later, activity: activity)
        let finding = analysis.finding
        return StallReport(
            finding.verdict, finding.confidence,
            evidence: finding.evidence.withUppercasedFirst + ".", advice: finding.advice,
            statistics: later, samplingInterval: analysis.change?.time ?? .zero, activity: activity)
    }
}

extension SocketError {
    /// The same failure, told of the operation that it was a step of: with the bytes that this has
    /// moved, which the verdict may rest on too.
    func attributed(
        to operation: Operation, bytesTransferred: Int = 0, sent: Int = 0, received: Int = 0
    ) -> SocketError {
        guard let report = stallReport else {
            return with(operation: operation, bytesTransferred: bytesTransferred)
        }
        var activity = report.activity
        activity.sent = sent
        activity.received = received
        return with(
            operation: operation, bytesTransferred: bytesTransferred,
            stallReport: .analyze(nil, report.statistics, during: activity))
    }
}

/// What a judge has come to.
struct Diagnosis {
    var verdict: StallReport.Verdict
    var confidence: StallReport.Confidence
    var evidence: String
    var advice: String

    init(
        _ verdict: StallReport.Verdict, _ confidence: StallReport.Confidence, _ evidence: String,
        advice: String
    ) {
        self.verdict = verdict
        self.confidence = confidence
        self.evidence = evidence
        self.advice = advice
    }
}

/// Asks one question after the other; the first that has an answer decides.
///
/// The order matters. A connection that is over explains everything else. What nobody acknowledges
/// any more is lost, whatever moved before. What moves is not stuck. Only then are windows and
/// queues asked who waits for whom.
struct StallAnalysis {
    let earlier: ConnectionStatistics?
    let now: ConnectionStatistics
    let activity: Activity

    var finding: Diagnosis {
        over ?? lost ?? moving ?? outgoing ?? incoming ?? quiet
    }

    // MARK: When stillness is more than a breath

    /// A reader that is not scheduled for so long is usual on a busy machine, and no stall.
    static let breath = Duration.milliseconds(100)
    /// An operation that found no room for so long has a right to an answer, though bytes may have
    /// trickled meanwhile.
    static let wait = Duration.milliseconds(200)
    /// Somebody who looks from outside has not waited for anything, so he can wait a little longer.
    static let pause = Duration.milliseconds(500)
    /// From here on a cause is likely, and not only possible: long enough for a limit of a second,
    /// in which something still went out at first.
    static let long = Duration.milliseconds(600)
    /// A kernel that is there has answered by then: it may pass over a question that comes within
    /// half a second of another.
    static let answerTime = Duration.seconds(1)
    /// A peer that has not taken a byte for so long does not read slowly.
    static let veryLong = Duration.seconds(30)
    /// A queue that takes longer than this to go out is slow.
    static let slowQueue = 5.0
    /// Between "sent" and "acknowledged" on the same clock: the kernel's ticks are up to 10 ms long.
    static let tick = Duration.milliseconds(20)

    // MARK: What changed between two looks

    struct Change {
        var time: Duration
        var acknowledged: Int?
        var received: Int?
        /// The peer has opened its window further, so it has read; nil where windows are not known.
        var peerHasRead: Bool?
        var queuesDiffer: Bool
        /// We have taken some of what had come.
        var weHaveRead: Bool
        var windowLimited: Duration?
        var retransmitted: Int
    }

    var change: Change? {
        guard let earlier else { return nil }
        let queuesDiffer =
            differ(earlier.sendQueue, now.sendQueue)
            || differ(earlier.receiveQueue, now.receiveQueue)
        return Change(
            time: max(.zero, now.takenAt - earlier.takenAt),
            acknowledged: increase(earlier.bytesAcknowledged, now.bytesAcknowledged),
            received: increase(earlier.bytesReceived, now.bytesReceived),
            peerHasRead: zip(edge(of: earlier), edge(of: now)).map { $1 > $0 },
            queuesDiffer: queuesDiffer,
            weHaveRead: zip(earlier.receiveQueue, now.receiveQueue).map { $0 > $1 } ?? false,
            windowLimited: zip(earlier.receiveWindowLimitedTime, now.receiveWindowLimitedTime)
                .map { max(.zero, $1 - $0) },
            retransmitted: increase(earlier.totalRetransmissions, now.totalRetransmissions) ?? 0)
    }

    /// Up to which byte of all that is ever sent the peer is ready to take: what it has acknowledged
    /// without reading it does not move this.
    private func edge(of statistics: ConnectionStatistics) -> Int? {
        zip(statistics.bytesAcknowledged, statistics.sendWindow).map {
            $0.addingReportingOverflow($1).partialValue
        }
    }

    /// Nil unless both are known.
    private func zip<Value>(_ one: Value?, _ other: Value?) -> (Value, Value)? {
        guard let one, let other else { return nil }
        return (one, other)
    }

    private func increase(_ before: Int?, _ after: Int?) -> Int? {
        zip(before, after).map { max(0, $1.subtractingReportingOverflow($0).partialValue) }
    }

    private func differ(_ before: Int?, _ after: Int?) -> Bool {
        zip(before, after).map { $0 != $1 } ?? false
    }

    // MARK: What the statistics say

    var queued: Int { max(now.sendQueue ?? 0, now.notSent ?? 0) }
    var unsent: Int { now.notSent ?? now.sendQueue ?? 0 }
    var unread: Int { now.receiveQueue ?? 0 }
    var isInFlight: Bool { (now.unacknowledgedSegments ?? 0) > 0 }
    var isTCP: Bool { now.state != nil }

    /// Whether the peer takes no more of what is not sent yet.
    ///
    /// The window need not be zero: a sender waits rather than send a sliver of a segment.
    var isPeerFull: Bool {
        guard isTCP || now.sendWindow != nil else {
            return now.isWritable == false && queued > 0
        }
        guard unsent > 0 else { return false }
        guard let window = now.sendWindow else {
            // An older kernel: only a closed window is probed while nothing is in flight.
            return !isInFlight && ((now.backoff ?? 0) > 0 || (now.probes ?? 0) > 0)
        }
        return !isInFlight && window < max(1, min(now.sendSegmentSize ?? 1, unsent))
    }

    /// Whether the peer can send us no more, because we do not read: it has filled our window, or
    /// has too little of it left for a segment.
    var isOurWindowFull: Bool {
        guard unread > 0 else { return false }
        // A limit counts more than the bytes themselves. That of a Unix socket is the sender's, who
        // is taken to have the same.
        guard isTCP else { return now.sendBufferSize.map { unread >= $0 / 4 } ?? false }
        guard let window = now.receiveWindow else {
            return now.receiveBufferSize.map { unread >= $0 / 2 } ?? false
        }
        let isTooSmall = window < (now.receiveSegmentSize ?? 1) && unread >= window
        // The window is that of the last acknowledgement, which may not have gone out yet.
        let isBufferFull = now.receiveBufferSize.map { unread >= $0 / 4 * 3 } ?? false
        return isTooSmall || window <= unread / 4 || isBufferFull
    }

    /// How long nothing was sent, as far as anybody has measured it.
    var stillSending: Duration? {
        // What a reader has waited says nothing of what went out.
        let writes = activity.kind == .writing || activity.kind == .exchanging
        guard writes, let waited = activity.timeSinceProgress else {
            return now.timeSinceLastSend ?? now.timeSinceQueuesChanged
        }
        guard let sent = now.timeSinceLastSend else { return waited }
        return waited >= Self.wait ? max(waited, sent) : sent
    }

    func confidence(after still: Duration) -> StallReport.Confidence {
        still >= Self.long ? .likely : .possible
    }
}
