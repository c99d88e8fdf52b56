/// Samples of one socket's statistics, of which the first and the last are analyzed.
///
/// This type performs no I/O. Two samples suffice for TCP, because the kernel counts its bytes. For
/// a Unix socket, the kernel reports only the lengths of the queues, which may be equal at two
/// moments although bytes flow. So the socket is sampled often, and the time of the last change is
/// kept.
package struct ConnectionSamples {
    /// How many samples are taken, the first and the last included.
    private static let count = 40

    private var first: ConnectionStatistics?
    private var last: ConnectionStatistics?
    private var changedAt = Duration.zero

    package init() {}

    /// Adds a sample.
    package mutating func add(_ statistics: ConnectionStatistics) {
        if first == nil { first = statistics }
        let hasChanged = last.map {
            $0.sendQueue != statistics.sendQueue || $0.receiveQueue != statistics.receiveQueue
        }
        if hasChanged ?? true { changedAt = statistics.takenAt }
        last = statistics
    }

    /// Returns how long to wait before the next sample; nil if the samples cover the duration.
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
        return StallReport.analyze(first, last, during: activity)
    }
}
