import Testing

@testable import Sockets

@Suite("Analysis of random statistics", .ownThread)
struct StallReportAnalysisTests {
    private static let count = 6_000

    /// A random case, whose statistics are impossible or differ only slightly from usual
    /// statistics.
    private struct Case: CustomStringConvertible {
        var earlier: ConnectionStatistics?
        var now: ConnectionStatistics
        var activity: Activity
        var description: String { "\(String(describing: earlier))\n\(now)\n\(activity)" }
    }

    private static func cases(seed: UInt64) -> some Sequence<Case> {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).lazy.map { _ in
            let now = statistics(&generator)
            var earlier: ConnectionStatistics?
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: earlier = statistics(&generator)
            case 1:
                earlier = now.before(
                    .milliseconds(Int.random(in: 0...10_000, using: &generator)),
                    acknowledged: number(&generator), received: number(&generator))
            case 2: earlier = now.before(.seconds(1))
            default: break
            }
            let activity = Activity(
                Activity.Kind.allCases.randomElement(using: &generator) ?? .nothing,
                elapsed: time(&generator), timeSinceProgress: time(&generator),
                sent: number(&generator), received: number(&generator))
            return Case(earlier: earlier, now: now, activity: activity)
        }
    }

    private static func number(_ generator: inout SeededGenerator) -> Int {
        let largest = [0, 1, 5, 1_000, 100_000, 5_000_000, Int.max / 2]
        return Int.random(
            in: 0...(largest.randomElement(using: &generator) ?? 0), using: &generator)
    }

    private static func maybe(_ generator: inout SeededGenerator) -> Int? {
        Int.random(in: 0..<6, using: &generator) == 0 ? nil : number(&generator)
    }

    private static func small(_ generator: inout SeededGenerator) -> Int? {
        [nil, 0, 0, 0, 1, 2, 3, 5, 255].randomElement(using: &generator) ?? nil
    }

    private static func time(_ generator: inout SeededGenerator) -> Duration? {
        let times: [Duration?] = [
            nil, .zero, .milliseconds(3), .milliseconds(99), .milliseconds(100),
            .milliseconds(450), .milliseconds(500), .seconds(1), .seconds(3), .seconds(40),
            .seconds(4_000_000),
        ]
        return times.randomElement(using: &generator) ?? nil
    }

    private static func statistics(_ generator: inout SeededGenerator) -> ConnectionStatistics {
        let usual = [
            MeasuredStatistics.quiet(), .init(), MeasuredStatistics.peerFull(),
            MeasuredStatistics.cut(2),
            MeasuredStatistics.bothFull(), MeasuredStatistics.flowing(), MeasuredStatistics.unix(),
            MeasuredStatistics.unix(queued: 278_528, unread: 219_264, writable: false),
        ]
        var statistics = usual.randomElement(using: &generator) ?? .init()
        for _ in 0..<Int.random(in: 0...12, using: &generator) { change(&statistics, &generator) }
        return statistics
    }

    private static func change(
        _ statistics: inout ConnectionStatistics, _ generator: inout SeededGenerator
    ) {
        switch Int.random(in: 0..<26, using: &generator) {
        case 0: statistics.takenAt = time(&generator) ?? .zero
        case 1:
            statistics.state = ConnectionStatistics.State.allCases.randomElement(using: &generator)
        case 2: statistics.state = nil
        case 3: statistics.receiveQueue = maybe(&generator)
        case 4: statistics.sendQueue = maybe(&generator)
        case 5: statistics.notSent = maybe(&generator)
        case 6: statistics.sendBufferSize = maybe(&generator)
        case 7: statistics.receiveBufferSize = maybe(&generator)
        case 8: statistics.sendWindow = maybe(&generator)
        case 9: statistics.receiveWindow = maybe(&generator)
        case 10: statistics.sendSegmentSize = maybe(&generator)
        case 11: statistics.receiveSegmentSize = maybe(&generator)
        case 12: statistics.unacknowledgedSegments = small(&generator)
        case 13: statistics.retransmissions = small(&generator)
        case 14: statistics.probes = small(&generator)
        case 15: statistics.backoff = small(&generator)
        case 16: statistics.totalRetransmissions = maybe(&generator)
        case 17: statistics.timeSinceLastSend = time(&generator)
        case 18: statistics.timeSinceLastReceive = time(&generator)
        case 19: statistics.timeSinceLastAcknowledgement = time(&generator)
        case 20: statistics.timeSinceQueuesChanged = time(&generator)
        case 21: statistics.bytesAcknowledged = maybe(&generator)
        case 22: statistics.bytesReceived = maybe(&generator)
        case 23: statistics.receiveWindowLimitedTime = time(&generator)
        case 24: statistics.isWritable = [nil, true, false].randomElement(using: &generator) ?? nil
        default:
            statistics.hasPeerHalfClosed = Bool.random(using: &generator)
            statistics.isHungUp = Bool.random(using: &generator)
        }
    }

    private func analyze(_ given: Case) -> StallReport {
        .analyze(given.earlier, given.now, during: given.activity)
    }

    @Test("each random case has a verdict, one sentence of evidence and one sentence of advice")
    func total() {
        for given in Self.cases(seed: 1) {
            let report = analyze(given)
            let areSentences = report.sentences.allSatisfy { sentence in
                sentence.hasSuffix(".") && !sentence.contains("\n") && !sentence.contains(". ")
                    && sentence.first?.isLowercase == false
            }
            // One expectation per case would take longer than the analysis.
            guard areSentences, report.statistics == given.now, report.samplingInterval >= .zero
            else {
                Issue.record("\(report)\n\(given)")
                continue
            }
        }
    }

    @Test("identical statistics give an identical report, even at another time")
    func deterministic() {
        for given in Self.cases(seed: 2) {
            let report = analyze(given)
            if report != analyze(given) { Issue.record("\(given)") }
            var later = given
            later.now.takenAt += .seconds(50)
            later.earlier?.takenAt += .seconds(50)
            let again = analyze(later)
            guard
                again.verdict == report.verdict, again.evidence == report.evidence,
                again.confidence == report.confidence
            else {
                Issue.record("\(given)")
                continue
            }
        }
    }

    @Test("no verdict contradicts its statistics")
    func consistent() {
        var seen: [String: Int] = [:]
        for given in Self.cases(seed: 3) {
            let report = analyze(given)
            seen[report.verdict.code, default: 0] += 1
            let now = given.now
            let queued = max(now.sendQueue ?? 0, now.notSent ?? 0)
            let unread = now.receiveQueue ?? 0
            let isConsistent =
                switch report.verdict {
                case .peerNotReading, .peerReadingSlowly: queued > 0
                case .bothWriting: queued > 0 && unread > 0
                case .bothWaiting:
                    queued == 0 && unread == 0
                        && [.reading, .exchanging].contains(given.activity.kind)
                case .networkLost:
                    queued > 0 || (now.probes ?? 0) >= 2 || (now.retransmissions ?? 0) >= 1
                case .peerGone:
                    now.isHungUp == true || now.hasPeerHalfClosed == true
                        || [.closed, .closeWait, .lastAck, .closing].contains(now.state)
                case .notReading: unread > 0 && given.activity.kind == .nothing
                case .idle:
                    queued == 0 && unread == 0 && given.activity.kind == .nothing
                case .movingSlowly(let rate, _): (rate ?? 1) > 0
                case .moving, .undetermined: true
                @unknown default: false
                }
            if !isConsistent { Issue.record("\(report)\n\(given)") }
        }
        // Every verdict must occur. Otherwise, the test has checked nothing.
        #expect(seen.count == 11, "\(seen)")
    }

    @Test("acknowledged bytes prevent a stuck verdict unless the connection ended or deadlocked")
    func movingIsNotStuck() {
        var generator = SeededGenerator(seed: 4)
        for given in Self.cases(seed: 5) {
            var moving = given
            guard let acknowledged = given.now.bytesAcknowledged else { continue }
            moving.earlier = given.now.before(.seconds(1)).with {
                $0.bytesAcknowledged =
                    acknowledged - Int.random(in: 1...100_000, using: &generator)
            }
            let report = analyze(moving)
            // The connection may have ended, broken or deadlocked after the first sample.
            var isEnd = [.peerGone, .networkLost, .bothWriting].contains(report.verdict)
            // Bytes that fitted into the peer's window were not read by the peer.
            let before = moving.earlier.flatMap { earlier in
                earlier.sendWindow.map { $0 + (earlier.bytesAcknowledged ?? 0) }
            }
            if let before, let now = given.now.sendWindow, now + acknowledged <= before {
                isEnd = true
            }
            if !isEnd, report.verdict.isStuck { Issue.record("\(report)\n\(moving)") }
        }
    }

    @Test("a missing statistic never gives a different verdict with a higher confidence")
    func missingStatistics() {
        let stuck: [(ConnectionStatistics, Activity)] = [
            (MeasuredStatistics.peerFull(), Activity(.writing, elapsed: .seconds(3))),
            (MeasuredStatistics.bothFull(), Activity(.writing, elapsed: .seconds(3))),
            (MeasuredStatistics.quiet(), Activity(.reading, elapsed: .seconds(3))),
        ]
        let forget: [(inout ConnectionStatistics) -> Void] = [
            { $0.sendWindow = nil }, { $0.receiveWindow = nil }, { $0.timeSinceLastSend = nil },
            { $0.timeSinceLastAcknowledgement = nil }, { $0.probes = nil }, { $0.backoff = nil },
            { $0.sendSegmentSize = nil }, { $0.receiveBufferSize = nil }, { $0.receiveQueue = nil },
        ]
        for (statistics, activity) in stuck {
            let known = StallReport.analyze(nil, statistics, during: activity)
            for forgetting in forget {
                let less = StallReport.analyze(nil, statistics.with(forgetting), during: activity)
                #expect(less.confidence <= known.confidence || less.verdict == known.verdict)
            }
        }
    }

    @Test("attributing a report to a whole operation counts all bytes of the operation")
    func attributed() throws {
        let statistics = MeasuredStatistics.quiet(for: .milliseconds(20))
        let report = StallReport.analyze(
            nil, statistics, during: Activity(.reading, elapsed: .seconds(2)))
        #expect(report.verdict == .bothWaiting)
        let step = SocketError(.receive, .timedOut(limit: .seconds(2)), stallReport: report)
        let whole = step.attributed(to: .read, received: 4_000)
        #expect(whole.operation == .read)
        #expect(
            whole.stallReport?.verdict
                == .movingSlowly(bytesPerSecond: 2_000, limitedBy: nil))
        #expect(SocketError(.receive, .closed).attributed(to: .read).stallReport == nil)
    }
}
