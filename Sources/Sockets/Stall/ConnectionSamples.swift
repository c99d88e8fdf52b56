/// Several looks at one socket, of which a judge is given the first and the last.
///
/// A decision without I/O. TCP counts bytes, so two looks would do. A Unix socket tells only how much
/// waits, which may be the same at two moments though bytes flow by: so it is looked at often, and
/// how long it has been the same is remembered.
package struct ConnectionSamples {
    /// How many times a socket is looked at, the first and the last included.
    private static let looks = 40

    private var first: ConnectionStatistics?
    private var last: ConnectionStatistics?
    private var changedAt = Duration.zero

    package init() {}

    /// Takes in what was seen.
    package mutating func add(_ statistics: ConnectionStatistics) {
        if first == nil { first = statistics }
        if last.map({
            $0.sendQueue != statistics.sendQueue || $0.receiveQueue != statistics.receiveQueue
        }) ?? true {
            changedAt = statistics.takenAt
        }
        last = statistics
    }

    /// How long to wait before the next look, of what has to be watched in all; nil is enough.
    package func pause(of duration: Duration) -> Duration? {
        guard let first, let last else { return .zero }
        let rest = duration - (last.takenAt - first.takenAt)
        return rest > .zero ? min(rest, max(.milliseconds(1), duration / Self.looks)) : nil
    }

    /// What the looks come to.
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
