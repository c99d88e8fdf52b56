extension StallReport {
    /// Determines what blocks a connection from one or two samples.
    ///
    /// It performs no I/O, so the same statistics always yield the same report.
    ///
    /// - Parameters:
    ///   - earlier: The statistics of an earlier sample, or nil if there was one sample.
    ///   - later: The statistics to analyze.
    ///   - activity: What the operation was doing.
    ///   - reads: The bytes that the programs at both ends were seen to read between the samples.
    /// - Returns: The report.
    package static func analyze(
        _ earlier: ConnectionStatistics?, _ later: ConnectionStatistics, during activity: Activity,
        reads: ObservedReads = ObservedReads()
    ) -> StallReport {
        let analysis = StallAnalysis(
            earlier: earlier, now: later, activity: activity, reads: reads)
        let diagnosis = analysis.diagnosis
        return StallReport(
            diagnosis.verdict, diagnosis.confidence,
            evidence: diagnosis.evidence.withUppercasedFirst + ".", advice: diagnosis.advice,
            statistics: later, samplingInterval: analysis.change?.time ?? .zero, activity: activity)
    }
}

extension ConnectionStatistics {
    /// A Boolean value that indicates whether the peer can send no more because the program at this
    /// end does not read.
    package var isWindowFull: Bool {
        StallAnalysis(earlier: nil, now: self, activity: .nothing, reads: ObservedReads())
            .isOurWindowFull
    }
}

extension SocketError {
    /// Returns the same error, attributed to the whole operation instead of to the step that
    /// failed.
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

/// An analysis that makes several checks in order and returns the first diagnosis.
///
/// The order matters. The end of a connection explains all other symptoms. If the peer's machine
/// stops answering, the network is lost even if bytes were transferred before. If bytes are being
/// transferred, the connection is not stuck. Only after these checks do windows and queues show
/// which end waits for the other.
struct StallAnalysis {
    let earlier: ConnectionStatistics?
    let now: ConnectionStatistics
    let activity: Activity
    let reads: ObservedReads

    var diagnosis: Diagnosis { ended ?? networkLost ?? moving ?? outgoing ?? incoming ?? quiet }

    // MARK: Thresholds

    /// The time for which a busy machine may not schedule a reader, so a shorter pause is not a
    /// stall.
    static let schedulingDelay = Duration.milliseconds(100)
    /// How long an operation must wait before the analysis treats it as stalled, even if the kernel
    /// transferred a few bytes during the wait.
    static let operationStall = Duration.milliseconds(200)
    /// The shortest pause without transferred bytes that counts as a stall if the program requests
    /// a diagnosis while no operation is running.
    ///
    /// It is longer than `operationStall`, because without a running operation it is not known
    /// whether any program waits for bytes.
    static let observedStall = Duration.milliseconds(500)
    /// The shortest stall after which a verdict is `likely` and not only `possible`.
    ///
    /// It is well below one second, so that an operation with a limit of one second can reach it
    /// even if bytes were sent at the beginning.
    static let likelyStall = Duration.milliseconds(600)
    /// The time within which the kernel of a reachable peer answers, so a longer silence is a
    /// symptom.
    ///
    /// It is longer than half a second, because the kernel of a reachable peer may ignore a probe
    /// that follows another probe within that time.
    static let answerTime = Duration.seconds(1)
    /// The time to drain the send queue, in seconds, above which a transfer is slow.
    static let slowQueueSeconds = 5.0
    /// The tolerance for comparing the time of the last send with the time of the last
    /// acknowledgement.
    ///
    /// The kernel measures each time in ticks of up to 10 ms.
    static let clockTick = Duration.milliseconds(20)

    // MARK: Changes between two samples

    struct Change {
        var time: Duration
        var acknowledged: Int?
        var received: Int?
        /// A Boolean value that indicates whether the peer has extended its window, which shows
        /// that it has read, or nil if a window is unknown.
        var peerHasRead: Bool?
        var queuesDiffer: Bool
        /// A Boolean value that indicates whether this end has read some of the received bytes.
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

    /// Returns the position in the whole stream up to which the peer accepts bytes.
    ///
    /// The position stays the same if the peer acknowledges bytes without reading them.
    private func windowEnd(of statistics: ConnectionStatistics) -> Int? {
        zip(statistics.bytesAcknowledged, statistics.sendWindow).map {
            $0.addingReportingOverflow($1).partialValue
        }
    }

    /// Returns both values, or nil if either value is unknown.
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

    /// A Boolean value that indicates whether the peer accepts none of the unsent bytes.
    ///
    /// The window need not be zero, because a sender also waits if the window is smaller than a
    /// segment.
    var isPeerFull: Bool {
        guard isTCP || now.sendWindow != nil else {
            return now.isWritable == false && sendQueue > 0
        }
        guard notSent > 0 else { return false }
        guard let window = now.sendWindow else {
            // An older kernel does not report the window. But if nothing is in flight, it sends
            // probes only because the window is closed.
            return !isInFlight && ((now.backoff ?? 0) > 0 || (now.probes ?? 0) > 0)
        }
        return !isInFlight && window < max(1, min(now.sendSegmentSize ?? 1, notSent))
    }

    /// A Boolean value that indicates whether the peer can send no more because this end does not
    /// read.
    ///
    /// The peer has then filled the window, or the rest of the window is smaller than a segment.
    var isOurWindowFull: Bool {
        guard receiveQueue > 0 else { return false }
        // A buffer limit includes the kernel's overhead, so the buffer is full with fewer bytes
        // than the limit. On a Unix socket, the sender's limit applies, so assume that both ends
        // have the same limit.
        guard isTCP else { return now.sendBufferSize.map { receiveQueue >= $0 / 4 } ?? false }
        guard let window = now.receiveWindow else {
            return now.receiveBufferSize.map { receiveQueue >= $0 / 2 } ?? false
        }
        let isTooSmall = window < (now.receiveSegmentSize ?? 1) && receiveQueue >= window
        // The reported window may be out of date, because the kernel updates it only when it sends
        // an acknowledgement. So check the buffer too.
        let isBufferFull = now.receiveBufferSize.map { receiveQueue >= $0 / 4 * 3 } ?? false
        return isTooSmall || window <= receiveQueue / 4 || isBufferFull
    }

    /// The time since bytes were last sent, or nil if it was not measured.
    var timeSinceSending: Duration? {
        // Use only the time that a writer has waited, because bytes may be sent while a reader
        // waits.
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
