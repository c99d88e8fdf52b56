import Testing

@testable import Sockets

@Suite("The judge of who waits for whom")
struct JudgeWaitingTests {
    private typealias Made = MeasuredStatistics

    private func analyze(
        _ statistics: ConnectionStatistics, during activity: Activity = .nothing
    ) -> StallReport {
        .analyze(nil, statistics, during: activity)
    }

    private static let writing = Activity(
        .writing, elapsed: .seconds(3), timeSinceProgress: .seconds(3), sent: 2_883_584)
    private static let reading = Activity(
        .reading, elapsed: .seconds(3), timeSinceProgress: .seconds(3))

    // MARK: Outgoing

    @Test("a closed window and nothing unread: the peer is not reading")
    func peerNotReading() {
        for activity in [Self.writing, Self.reading, .nothing] {
            let report = analyze(Made.peerFull(), during: activity)
            #expect(report.verdict == .peerNotReading)
            #expect(report.confidence == .likely)
            #expect(report.evidence.contains("2755072 bytes"))
            #expect(report.evidence.contains("3 s"))
            // From one end a peer that is slow looks the same.
            #expect(report.evidence.contains("slowly"))
        }
    }

    @Test("a peer that has taken nothing for half a minute does not read slowly")
    func certain() {
        let report = analyze(Made.peerFull(for: .seconds(31)), during: Self.writing)
        #expect(report.verdict == .peerNotReading)
        #expect(report.confidence == .certain)
        #expect(!report.evidence.contains("slowly"))
    }

    @Test("a window too small for a segment is as good as closed")
    func sliver() {
        // Measured in the first 200 ms after the peer stopped reading.
        let statistics = Made.peerFull(for: .milliseconds(208)).with {
            ($0.sendWindow, $0.backoff) = (15_360, 0)
        }
        let report = analyze(
            statistics, during: Activity(.writing, elapsed: .milliseconds(220), sent: 99))
        #expect(report.verdict == .peerNotReading)
        #expect(report.confidence == .possible)
    }

    @Test("both windows closed: both ends are writing")
    func bothWriting() {
        for activity in [Self.writing, .nothing] {
            let report = analyze(Made.bothFull(), during: activity)
            #expect(report.verdict == .bothWriting)
            #expect(report.confidence == .certain)
            #expect(report.evidence.contains("113152 bytes"))
            #expect(report.advice.contains("exchange"))
        }
    }

    @Test("a few unread bytes of a peer that has room to send more are no deadlock")
    func fewUnread() {
        let report = analyze(Made.peerFull().with { $0.receiveQueue = 100 }, during: Self.writing)
        #expect(report.verdict == .peerNotReading)
        #expect(report.evidence.contains("100 bytes of it wait here unread"))
        #expect(report.advice.contains("Read"))
    }

    @Test("an older kernel tells no windows: probes and buffers do")
    func olderKernel() {
        func older(_ statistics: ConnectionStatistics) -> ConnectionStatistics {
            statistics.with { ($0.sendWindow, $0.receiveWindow) = (nil, nil) }
        }
        #expect(analyze(older(Made.peerFull()), during: Self.writing).verdict == .peerNotReading)
        #expect(analyze(older(Made.bothFull()), during: Self.writing).verdict == .bothWriting)
        #expect(analyze(older(Made.quiet()), during: Self.reading).verdict == .bothWaiting)
        #expect(analyze(older(Made.flowing())).verdict == .moving)
    }

    @Test("bytes that went out late in a long wait: the peer may be reading slowly")
    func trickle() {
        let report = analyze(
            Made.peerFull(for: .milliseconds(204)),
            during: Activity(.writing, elapsed: .seconds(5), timeSinceProgress: .seconds(5)))
        #expect(report.verdict == .peerReadingSlowly(bytesPerSecond: nil))
        #expect(report.confidence == .possible)
    }

    @Test("data in flight that nobody could have acknowledged yet is moving")
    func inFlight() {
        let statistics = Made.flowing().with {
            $0.timeSinceLastSend = .milliseconds(44)
            $0.timeSinceLastAcknowledgement = .seconds(60)
        }
        #expect(analyze(statistics, during: Activity(.writing)).verdict == .moving)
    }

    @Test("data in flight that should have been acknowledged: too early to tell, and then lost")
    func silentNetwork() {
        func silent(_ time: Duration) -> ConnectionStatistics {
            Made.flowing().with {
                ($0.timeSinceLastSend, $0.timeSinceLastAcknowledgement) = (time, time)
            }
        }
        #expect(
            analyze(silent(.milliseconds(300)), during: Activity(.writing)).verdict
                == .undetermined)
        let report = analyze(silent(.seconds(2)), during: Activity(.writing))
        #expect(report.verdict == .networkLost)
        #expect(report.confidence == .possible)
    }

    // MARK: Outgoing, over a Unix socket

    @Test("a full Unix socket whose writer has waited: the peer is not reading")
    func unixPeerNotReading() {
        let full = Made.unix(queued: 278_528, writable: false)
        let report = analyze(full, during: Self.writing)
        #expect(report.verdict == .peerNotReading)
        #expect(report.confidence == .likely)
    }

    @Test("a full Unix socket, looked at once from outside, tells nothing")
    func unixOneLook() {
        let report = analyze(Made.unix(queued: 278_528, writable: false))
        #expect(report.verdict == .undetermined)
        #expect(report.advice.contains("watching"))
    }

    @Test("a full Unix socket of which more was sent than waits: the peer reads, or did")
    func unixTrickle() {
        let report = analyze(
            Made.unix(queued: 278_528, writable: false),
            during: Activity(.writing, elapsed: .seconds(1), sent: 900_000))
        #expect(report.verdict == .peerReadingSlowly(bytesPerSecond: nil))
        #expect(report.confidence == .possible)
    }

    @Test("a full Unix socket with a lot unread: both ends are writing")
    func unixBothWriting() {
        for activity in [
            Self.writing, Activity(.writing, elapsed: .seconds(1), sent: 475_072),
        ] {
            let report = analyze(
                Made.unix(queued: 278_528, unread: 219_264, writable: false), during: activity)
            #expect(report.verdict == .bothWriting)
        }
    }

    @Test("a Unix peer that has not read the request is not waiting for us")
    func unixRequestUnread() {
        let report = analyze(Made.unix(queued: 768), during: Self.reading)
        #expect(report.verdict == .peerNotReading)
        #expect(analyze(Made.unix(), during: Self.reading).verdict == .bothWaiting)
    }

    // MARK: Incoming

    @Test("bytes that have waited unread: we are not reading")
    func notReading() {
        let statistics = Made.quiet(for: .seconds(3)).with { $0.receiveQueue = 5_000 }
        let report = analyze(statistics)
        #expect(report.verdict == .notReading)
        #expect(report.evidence.contains("5000 bytes"))
        let watched = StallReport.analyze(
            statistics.before(.seconds(1)), statistics, during: .nothing)
        #expect(watched.verdict == .notReading)
        #expect(watched.confidence == .likely)
    }

    @Test("a window that we have let the peer fill makes it certain")
    func notReadingFull() {
        let statistics = Made.quiet(for: .seconds(3)).with {
            ($0.receiveQueue, $0.receiveWindow, $0.receiveSegmentSize) = (128_512, 0, 47_616)
        }
        let report = StallReport.analyze(
            statistics.before(.seconds(1)), statistics, during: .nothing)
        #expect(report.verdict == .notReading)
        #expect(report.confidence == .certain)
    }

    @Test("bytes that have just come are moving")
    func justCome() {
        let statistics = Made.quiet(for: .milliseconds(30)).with { $0.receiveQueue = 5_000 }
        #expect(analyze(statistics).verdict == .moving)
        #expect(analyze(statistics, during: Self.reading).verdict == .moving)
    }

    @Test("unread bytes of a Unix socket, looked at once, tell nothing; looked at twice they do")
    func unixNotReading() {
        let statistics = Made.unix(unread: 5_000)
        #expect(analyze(statistics).verdict == .undetermined)
        #expect(
            StallReport.analyze(statistics.before(.seconds(1)), statistics, during: .nothing)
                .verdict
                == .notReading)
    }

    // MARK: Nothing anywhere

    @Test("everything is acknowledged and nothing comes to a reader: both ends wait")
    func bothWaiting() {
        for kind in [Activity.Kind.reading, .exchanging] {
            let report = analyze(
                Made.quiet(), during: Activity(kind, elapsed: .seconds(2), sent: 20))
            #expect(report.verdict == .bothWaiting)
            #expect(report.confidence == .likely)
        }
    }

    @Test("a limit that ends while a request is still being sent finds nobody waiting")
    func hardlySent() {
        let activity = Activity(.exchanging, elapsed: .seconds(2), sent: 20)
        #expect(analyze(Made.quiet(for: .milliseconds(99)), during: activity).verdict == .moving)
        #expect(
            analyze(Made.quiet(for: .milliseconds(100)), during: activity).verdict == .bothWaiting)
        // Who only reads has sent his request before.
        let reading = Activity(.reading, elapsed: .seconds(2))
        #expect(
            analyze(Made.quiet(for: .milliseconds(99)), during: reading).verdict == .bothWaiting)
    }

    @Test("a part of what is wanted is told of")
    func part() {
        let report = analyze(
            Made.quiet(),
            during: Activity(
                .reading, elapsed: .seconds(3), timeSinceProgress: .seconds(2), received: 12))
        #expect(report.verdict == .bothWaiting)
        #expect(report.evidence.contains("12 bytes of what is wanted"))
    }

    @Test("what still comes when the limit ends comes slowly, and the rate is told")
    func slowlyIncoming() {
        let report = analyze(
            Made.quiet(for: .milliseconds(40)),
            during: Activity(.reading, elapsed: .seconds(2), received: 4_000))
        #expect(report.verdict == .movingSlowly(bytesPerSecond: 2_000, limitedBy: nil))
    }

    @Test("an idle connection is idle, with or without keep-alive, for however long")
    func idle() {
        for time in [Duration.zero, .seconds(1), .seconds(86_400)] {
            #expect(analyze(Made.quiet(for: time)).verdict == .idle)
            #expect(analyze(Made.quiet(for: time).with { $0.probes = 1 }).verdict == .idle)
            #expect(
                StallReport.analyze(
                    Made.quiet(for: time).before(.seconds(5)), Made.quiet(for: time),
                    during: .nothing
                ).verdict == .idle)
        }
    }

    @Test("a socket of which the kernel tells nothing is not judged")
    func nothing() {
        for kind in Activity.Kind.allCases {
            #expect(
                analyze(ConnectionStatistics(), during: Activity(kind)).verdict == .undetermined)
        }
    }
}
