import Testing

@testable import Sockets

@Suite("The judge, over figures that nobody has seen", .ownThread)
struct StallReportJudgingTests {
    private static let count = 6_000

    /// Figures of all sorts: impossible ones, and ones that only differ a little from usual ones.
    private struct Case: CustomStringConvertible {
        var earlier: ConnectionStatistics?
        var now: ConnectionStatistics
        var activity: Activity
        var description: String { "\(String(describing: earlier))\n\(now)\n\(activity)" }
    }

    private static func cases(seed: UInt64) -> some Sequence<Case> {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).lazy.map { _ in
            let now = figures(&generator)
            var earlier: ConnectionStatistics?
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: earlier = figures(&generator)
            case 1:
                earlier = now.before(
                    .milliseconds(Int.random(in: 0...10_000, using: &generator)),
                    acknowledged: number(&generator), received: number(&generator))
            case 2: earlier = now.before(.seconds(1))
            default: break
            }
            let activity = Activity(
                Activity.Kind.allCases.randomElement(using: &generator) ?? .nothing,
                elapsed: time(&generator), still: time(&generator),
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

    private static func figures(_ generator: inout SeededGenerator) -> ConnectionStatistics {
        let usual = [
            MeasuredFigures.quiet(), .init(), MeasuredFigures.peerFull(), MeasuredFigures.cut(2),
            MeasuredFigures.bothFull(), MeasuredFigures.flowing(), MeasuredFigures.unix(),
            MeasuredFigures.unix(queued: 278_528, unread: 219_264, writable: false),
        ]
        var figures = usual.randomElement(using: &generator) ?? .init()
        for _ in 0..<Int.random(in: 0...12, using: &generator) { change(&figures, &generator) }
        return figures
    }

    private static func change(
        _ figures: inout ConnectionStatistics, _ generator: inout SeededGenerator
    ) {
        switch Int.random(in: 0..<26, using: &generator) {
        case 0: figures.takenAt = time(&generator) ?? .zero
        case 1: figures.state = ConnectionStatistics.State.allCases.randomElement(using: &generator)
        case 2: figures.state = nil
        case 3: figures.unread = maybe(&generator)
        case 4: figures.queued = maybe(&generator)
        case 5: figures.unsent = maybe(&generator)
        case 6: figures.sendBuffer = maybe(&generator)
        case 7: figures.receiveBuffer = maybe(&generator)
        case 8: figures.peerWindow = maybe(&generator)
        case 9: figures.ownWindow = maybe(&generator)
        case 10: figures.segmentSize = maybe(&generator)
        case 11: figures.peerSegmentSize = maybe(&generator)
        case 12: figures.segmentsInFlight = small(&generator)
        case 13: figures.retransmissions = small(&generator)
        case 14: figures.probes = small(&generator)
        case 15: figures.backoff = small(&generator)
        case 16: figures.totalRetransmissions = maybe(&generator)
        case 17: figures.sinceDataSent = time(&generator)
        case 18: figures.sinceDataReceived = time(&generator)
        case 19: figures.sinceAcknowledgement = time(&generator)
        case 20: figures.sinceQueuesChanged = time(&generator)
        case 21: figures.bytesAcknowledged = maybe(&generator)
        case 22: figures.bytesReceived = maybe(&generator)
        case 23: figures.windowLimitedTime = time(&generator)
        case 24: figures.isWritable = [nil, true, false].randomElement(using: &generator) ?? nil
        default:
            figures.hasPeerEnded = Bool.random(using: &generator)
            figures.isHungUp = Bool.random(using: &generator)
        }
    }

    private func judge(_ given: Case) -> StallReport {
        .judge(given.earlier, given.now, during: given.activity)
    }

    @Test("every case has a verdict, told in one sentence of evidence and one of advice")
    func total() {
        for given in Self.cases(seed: 1) {
            let report = judge(given)
            let areSentences = report.sentences.allSatisfy { sentence in
                sentence.hasSuffix(".") && !sentence.contains("\n") && !sentence.contains(". ")
                    && sentence.first?.isLowercase == false
            }
            // Expecting each of so many things would take longer than judging them.
            guard areSentences, report.figures == given.now, report.watched >= .zero else {
                Issue.record("\(report)\n\(given)")
                continue
            }
        }
    }

    @Test("identical figures give an identical report, and so do the same at another time")
    func deterministic() {
        for given in Self.cases(seed: 2) {
            let report = judge(given)
            if report != judge(given) { Issue.record("\(given)") }
            var later = given
            later.now.takenAt += .seconds(50)
            later.earlier?.takenAt += .seconds(50)
            let again = judge(later)
            guard
                again.verdict == report.verdict, again.evidence == report.evidence,
                again.confidence == report.confidence
            else {
                Issue.record("\(given)")
                continue
            }
        }
    }

    @Test("no verdict contradicts the figures it was drawn from")
    func consistent() {
        var seen: [String: Int] = [:]
        for given in Self.cases(seed: 3) {
            let report = judge(given)
            seen[report.verdict.code, default: 0] += 1
            let now = given.now
            let queued = max(now.queued ?? 0, now.unsent ?? 0)
            let unread = now.unread ?? 0
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
                    now.isHungUp == true || now.hasPeerEnded == true
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
        // Each was reached, or nothing was checked.
        #expect(seen.count == 11, "\(seen)")
    }

    @Test("bytes that were acknowledged between two looks are never called stuck without reason")
    func movingIsNotStuck() {
        var generator = SeededGenerator(seed: 4)
        for given in Self.cases(seed: 5) {
            var moving = given
            guard let acknowledged = given.now.bytesAcknowledged else { continue }
            moving.earlier = given.now.before(.seconds(1)).with {
                $0.bytesAcknowledged =
                    acknowledged - Int.random(in: 1...100_000, using: &generator)
            }
            let report = judge(moving)
            // What ended, broke or locked up since is told of.
            var isEnd = [.peerGone, .networkLost, .bothWriting].contains(report.verdict)
            // What the peer's kernel had room for is not what the peer has read.
            let before = moving.earlier.flatMap { earlier in
                earlier.peerWindow.map { $0 + (earlier.bytesAcknowledged ?? 0) }
            }
            if let before, let now = given.now.peerWindow, now + acknowledged <= before {
                isEnd = true
            }
            if !isEnd, report.verdict.isStuck { Issue.record("\(report)\n\(moving)") }
        }
    }

    @Test("a figure that the kernel does not give never makes a verdict surer")
    func ignorance() {
        let stuck: [(ConnectionStatistics, Activity)] = [
            (MeasuredFigures.peerFull(), Activity(.writing, elapsed: .seconds(3))),
            (MeasuredFigures.bothFull(), Activity(.writing, elapsed: .seconds(3))),
            (MeasuredFigures.quiet(), Activity(.reading, elapsed: .seconds(3))),
        ]
        let forget: [(inout ConnectionStatistics) -> Void] = [
            { $0.peerWindow = nil }, { $0.ownWindow = nil }, { $0.sinceDataSent = nil },
            { $0.sinceAcknowledgement = nil }, { $0.probes = nil }, { $0.backoff = nil },
            { $0.segmentSize = nil }, { $0.receiveBuffer = nil }, { $0.unread = nil },
        ]
        for (figures, activity) in stuck {
            let known = StallReport.judge(nil, figures, during: activity)
            for forgetting in forget {
                let less = StallReport.judge(nil, figures.with(forgetting), during: activity)
                #expect(less.confidence <= known.confidence || less.verdict == known.verdict)
            }
        }
    }

    @Test("an error that is told again of the whole operation is judged with all of its bytes")
    func retold() throws {
        let figures = MeasuredFigures.quiet(for: .milliseconds(20))
        let report = StallReport.judge(
            nil, figures, during: Activity(.reading, elapsed: .seconds(2)))
        #expect(report.verdict == .bothWaiting)
        let step = SocketError(.receive, .timedOut(limit: .seconds(2)), stallReport: report)
        let whole = step.retold(as: .read, received: 4_000)
        #expect(whole.operation == .read)
        #expect(
            whole.stallReport?.verdict
                == .movingSlowly(bytesPerSecond: 2_000, limitedBy: nil))
        #expect(SocketError(.receive, .closed).retold(as: .read).stallReport == nil)
    }
}
