/// A series of samples of one socket's statistics, whose first and last samples are analyzed.
///
/// This type performs no I/O. Two samples suffice for TCP, because the kernel counts the
/// transferred bytes. For a Unix socket, the kernel reports only the queue lengths, which may be
/// equal in two samples although bytes flow. So the socket is sampled often, and this type stores
/// the time of the last change.
package struct ConnectionSamples {
    /// The maximum number of pauses into which the duration is divided.
    private static let count = 40

    private var first: ConnectionStatistics?
    private var last: ConnectionStatistics?
    private var changedAt = Duration.zero
    /// How many bytes this end has read between the first and the last sample.
    private var read = 0
    private var readAt = Duration.zero
    /// The longest time after the last read for which this end still counts as reading.
    private static let longestPause = Duration.seconds(1)

    package init() {}

    /// Adds a sample.
    package mutating func add(_ statistics: ConnectionStatistics) {
        if first == nil { first = statistics }
        let hasChanged = last.map {
            $0.sendQueue != statistics.sendQueue || $0.receiveQueue != statistics.receiveQueue
        }
        if hasChanged ?? true { changedAt = statistics.takenAt }
        if let more = last.flatMap(statistics.bytesRead), more > 0 {
            read += more
            readAt = statistics.takenAt
        }
        last = statistics
    }

    /// Returns how long to wait before the next sample, or nil if the samples span the duration.
    package func pause(of duration: Duration) -> Duration? {
        guard let first, let last else { return .zero }
        let rest = duration - (last.takenAt - first.takenAt)
        return rest > .zero ? min(rest, max(.milliseconds(1), duration / Self.count)) : nil
    }

    /// Returns the report that follows from the samples.
    package func report(during activity: Activity) -> StallReport {
        guard let first, var last else {
            return StallReport.analyze(nil, ConnectionStatistics(), during: activity)
        }
        guard last.takenAt > first.takenAt else {
            return StallReport.analyze(nil, last, during: activity)
        }
        last.timeSinceQueuesChanged = last.takenAt - changedAt
        let isReading = last.takenAt - readAt < Self.longestPause
        return StallReport.analyze(
            first, last, during: activity, reads: ObservedReads(here: isReading ? read : 0))
    }
}
