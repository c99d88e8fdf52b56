extension StallReport {
    /// Analyzes what blocks a connection, from one sample or two.
    ///
    /// A decision without I/O: the same statistics give the same report.
    ///
    /// - Parameters:
    ///   - earlier: The statistics of an earlier sample, or nil if there was one sample.
    ///   - later: The statistics to analyze.
    ///   - activity: What the operation was doing.
    /// - Returns: The report.
    package static func analyze(
        _ earlier: ConnectionStatistics?, _ later: ConnectionStatistics, during activity: Activity
    ) -> StallReport {
        let analysis = StallAnalysis(earlier: earlier, now: later, activity: activity)
        let diagnosis = analysis.diagnosis
        return StallReport(
            diagnosis.verdict, diagnosis.confidence,
            evidence: diagnosis.evidence.withUppercasedFirst + ".", advice: diagnosis.advice,
            statistics: later, samplingInterval: analysis.change?.time ?? .zero, activity: activity)
    }
}

extension SocketError {
    /// Returns the same failure, attributed to the operation that it was a step of.
    ///
    /// The stall is analyzed again with the bytes that the whole operation has sent and received,
    /// because the verdict may depend on them.
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

/// The result of an analysis.
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

/// A sequence of questions about a connection, of which the first that has an answer decides.
///
/// The order matters. A connection that has ended explains everything else. If the peer's machine
/// stops answering, the network is lost, whatever moved before. A connection on which bytes move is not
/// stuck. Only then do windows and queues show which end waits for which.
struct StallAnalysis {
    let earlier: ConnectionStatistics?
    let now: ConnectionStatistics
    let activity: Activity

    var diagnosis: Diagnosis {
        ended ?? networkLost ?? moving ?? outgoing ?? incoming ?? quiet
    }

    // MARK: Thresholds

    /// A busy machine often leaves a reader unscheduled for this long, which is not a stall.
    static let schedulingDelay = Duration.milliseconds(100)
    /// After this long without room, an operation gets a verdict, even if a few bytes moved in the
    /// meantime.
    static let operationStall = Duration.milliseconds(200)
    /// A diagnosis that no operation asked for needs stillness of this length, because no operation has
    /// waited yet.
    static let observedStall = Duration.milliseconds(500)
    /// A stall of this length makes a cause likely and not only possible.
    ///
    /// It is short enough for a time limit of one second, at whose beginning bytes were still sent.
    static let likelyStall = Duration.milliseconds(600)
    /// A reachable kernel has answered after this long; it may ignore a probe that follows another
    /// within half a second.
    static let answerTime = Duration.seconds(1)
    /// A peer that has not accepted a byte for this long does not read slowly; it does not read.
    static let certainStall = Duration.seconds(30)
    /// A queue that takes longer than this many seconds to drain is slow.
    static let slowQueueSeconds = 5.0
    /// The resolution of the times of the last send and the last acknowledgement: the kernel's ticks
    /// are up to 10 ms long.
    static let clockTick = Duration.milliseconds(20)

    // MARK: Changes between two samples

    struct Change {
        var time: Duration
        var acknowledged: Int?
        var received: Int?
        /// Whether the peer has opened its window further, so it has read; nil if a window is unknown.
        var peerHasRead: Bool?
        var queuesDiffer: Bool
        /// Whether this end has read some of the received bytes.
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
            peerHasRead: zip(windowEnd(of: earlier), windowEnd(of: now)).map { $1 > $0 },
            queuesDiffer: queuesDiffer,
            weHaveRead: zip(earlier.receiveQueue, now.receiveQueue).map { $0 > $1 } ?? false,
            windowLimited: zip(earlier.receiveWindowLimitedTime, now.receiveWindowLimitedTime)
                .map { max(.zero, $1 - $0) },
            retransmitted: increase(earlier.totalRetransmissions, now.totalRetransmissions) ?? 0)
    }

    /// The last byte of the whole stream that the peer accepts.
    ///
    /// Bytes that it acknowledges without reading them do not move this end.
    private func windowEnd(of statistics: ConnectionStatistics) -> Int? {
        zip(statistics.bytesAcknowledged, statistics.sendWindow).map {
            $0.addingReportingOverflow($1).partialValue
        }
    }

    /// Both values; nil unless both are known.
    private func zip<Value>(_ first: Value?, _ second: Value?) -> (Value, Value)? {
        guard let first, let second else { return nil }
        return (first, second)
    }

    private func increase(_ before: Int?, _ after: Int?) -> Int? {
        zip(before, after).map { max(0, $1.subtractingReportingOverflow($0).partialValue) }
    }

    private func differ(_ before: Int?, _ after: Int?) -> Bool {
        zip(before, after).map { $0 != $1 } ?? false
    }

    // MARK: What the statistics mean

    var sendQueue: Int { max(now.sendQueue ?? 0, now.notSent ?? 0) }
    var notSent: Int { now.notSent ?? now.sendQueue ?? 0 }
    var receiveQueue: Int { now.receiveQueue ?? 0 }
    var isInFlight: Bool { (now.unacknowledgedSegments ?? 0) > 0 }
    var isTCP: Bool { now.state != nil }

    /// Whether the peer accepts none of the bytes that are not sent yet.
    ///
    /// The window need not be zero, because a sender waits rather than send a small part of a segment.
    var isPeerFull: Bool {
        guard isTCP || now.sendWindow != nil else {
            return now.isWritable == false && sendQueue > 0
        }
        guard notSent > 0 else { return false }
        guard let window = now.sendWindow else {
            // On an older kernel, only a closed window is probed while nothing is in flight.
            return !isInFlight && ((now.backoff ?? 0) > 0 || (now.probes ?? 0) > 0)
        }
        return !isInFlight && window < max(1, min(now.sendSegmentSize ?? 1, notSent))
    }

    /// Whether the peer can send no more because this end does not read: the peer has filled the
    /// window, or too little of it is left for a segment.
    var isOurWindowFull: Bool {
        guard receiveQueue > 0 else { return false }
        // A limit counts more than the bytes themselves. The limit of a Unix socket is the sender's,
        // which is assumed to be the same at both ends.
        guard isTCP else { return now.sendBufferSize.map { receiveQueue >= $0 / 4 } ?? false }
        guard let window = now.receiveWindow else {
            return now.receiveBufferSize.map { receiveQueue >= $0 / 2 } ?? false
        }
        let isTooSmall = window < (now.receiveSegmentSize ?? 1) && receiveQueue >= window
        // The reported window may be out of date, because the kernel updates it only when it sends
        // an acknowledgement.
        let isBufferFull = now.receiveBufferSize.map { receiveQueue >= $0 / 4 * 3 } ?? false
        return isTooSmall || window <= receiveQueue / 4 || isBufferFull
    }

    /// How long nothing was sent; nil if that was not measured.
    var timeSinceSending: Duration? {
        // The wait of a reader says nothing about what was sent.
        let writes = activity.kind == .writing || activity.kind == .exchanging
        guard writes, let waited = activity.timeSinceProgress else {
            return now.timeSinceLastSend ?? now.timeSinceQueuesChanged
        }
        guard let sent = now.timeSinceLastSend else { return waited }
        return waited >= Self.operationStall ? max(waited, sent) : sent
    }

    func confidence(after still: Duration) -> StallReport.Confidence {
        still >= Self.likelyStall ? .likely : .possible
    }
}
