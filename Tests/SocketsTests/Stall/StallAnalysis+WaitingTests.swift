import Testing

@testable import Sockets

@Suite("Analysis of waiting ends")
struct StallAnalysisWaitingTests {
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

    @Test("a closed window without unread bytes is diagnosed as `peerNotReading`")
    func peerNotReading() {
        for activity in [Self.writing, Self.reading, .nothing] {
            let report = analyze(Made.peerFull(), during: activity)
            #expect(report.verdict == .peerNotReading)
            #expect(report.confidence == .likely)
            #expect(report.evidence.contains("2755072 bytes"))
            #expect(report.evidence.contains("3 s"))
            // A slow peer looks the same from one end.
            #expect(report.evidence.contains("slowly"))
        }
    }

    @Test("the verdict `peerNotReading` is not `certain` even if the window stays closed for 5 min")
    func neverCertain() {
        // Measured: a peer that read 10 KB a second did not open its window of 6 MB for 5 min.
        let report = analyze(Made.peerFull(for: .seconds(300)), during: Self.writing)
        #expect(report.verdict == .peerNotReading)
        #expect(report.confidence == .likely)
        #expect(report.evidence.contains("slowly"))
    }

    @Test("a window that is smaller than a segment is diagnosed like a closed window")
    func smallWindow() {
        // Measured in the first 200 ms after the peer stopped reading.
        let statistics = Made.peerFull(for: .milliseconds(208)).with {
            ($0.sendWindow, $0.backoff) = (15_360, 0)
        }
        let report = analyze(
            statistics, during: Activity(.writing, elapsed: .milliseconds(220), sent: 99))
        #expect(report.verdict == .peerNotReading)
        #expect(report.confidence == .possible)
    }

    @Test("closed windows at both ends are diagnosed as `bothWriting`")
    func bothWriting() {
        for activity in [Self.writing, .nothing] {
            let report = analyze(Made.bothFull(), during: activity)
            #expect(report.verdict == .bothWriting)
            #expect(report.confidence == .certain)
            #expect(report.evidence.contains("113152 bytes"))
            #expect(report.advice.contains("exchange"))
        }
    }

    @Test("100 unread bytes do not change the verdict `peerNotReading` if the peer can still send")
    func fewUnread() {
        let report = analyze(Made.peerFull().with { $0.receiveQueue = 100 }, during: Self.writing)
        #expect(report.verdict == .peerNotReading)
        #expect(report.evidence.contains("100 bytes from the peer wait here to be read"))
        #expect(report.advice.contains("Read"))
    }

    @Test("if window sizes are unknown, the verdict follows from the probes and the buffers")
    func olderKernel() {
        func older(_ statistics: ConnectionStatistics) -> ConnectionStatistics {
            statistics.with { ($0.sendWindow, $0.receiveWindow) = (nil, nil) }
        }
        #expect(analyze(older(Made.peerFull()), during: Self.writing).verdict == .peerNotReading)
        #expect(analyze(older(Made.bothFull()), during: Self.writing).verdict == .bothWriting)
        #expect(analyze(older(Made.quiet()), during: Self.reading).verdict == .bothWaiting)
        #expect(analyze(older(Made.flowing())).verdict == .moving)
    }

    @Test("a window that closed late in a long write is diagnosed as `peerReadingSlowly`")
    func slowPeer() {
        let report = analyze(
            Made.peerFull(for: .milliseconds(204)),
            during: Activity(.writing, elapsed: .seconds(5), timeSinceProgress: .seconds(5)))
        #expect(report.verdict == .peerReadingSlowly(bytesPerSecond: nil))
        #expect(report.confidence == .possible)
    }

    @Test("data in flight is diagnosed as `moving` until an acknowledgement is due")
    func inFlight() {
        let statistics = Made.flowing().with {
            $0.timeSinceLastSend = .milliseconds(44)
            $0.timeSinceLastAcknowledgement = .seconds(60)
        }
        #expect(analyze(statistics, during: Activity(.writing)).verdict == .moving)
    }

    @Test("unacknowledged data is diagnosed as `undetermined` at first, and later as `networkLost`")
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

    @Test("a full Unix socket with a waiting writer is diagnosed as `peerNotReading`")
    func unixPeerNotReading() {
        let full = Made.unix(queued: 278_528, writable: false)
        let report = analyze(full, during: Self.writing)
        #expect(report.verdict == .peerNotReading)
        #expect(report.confidence == .likely)
    }

    @Test("a single sample of a full Unix socket is diagnosed as `undetermined`")
    func unixSingleSample() {
        let report = analyze(Made.unix(queued: 278_528, writable: false))
        #expect(report.verdict == .undetermined)
        #expect(report.advice.contains("watching"))
    }

    @Test("a full Unix socket that sent more than it holds is diagnosed as `peerReadingSlowly`")
    func unixTrickle() {
        let report = analyze(
            Made.unix(queued: 278_528, writable: false),
            during: Activity(.writing, elapsed: .seconds(1), sent: 900_000))
        #expect(report.verdict == .peerReadingSlowly(bytesPerSecond: nil))
        #expect(report.confidence == .possible)
    }

    @Test("a full Unix socket with many unread bytes is diagnosed as `bothWriting`")
    func unixBothWriting() {
        for activity in [
            Self.writing, Activity(.writing, elapsed: .seconds(1), sent: 475_072),
        ] {
            let report = analyze(
                Made.unix(queued: 278_528, unread: 219_264, writable: false), during: activity)
            #expect(report.verdict == .bothWriting)
        }
    }

    @Test("a Unix peer that has not read the request is diagnosed as `peerNotReading`")
    func unixRequestUnread() {
        let report = analyze(Made.unix(queued: 768), during: Self.reading)
        #expect(report.verdict == .peerNotReading)
        #expect(analyze(Made.unix(), during: Self.reading).verdict == .bothWaiting)
    }

    // MARK: Incoming

    @Test("bytes that stay unread are diagnosed as `notReading`")
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

    @Test("the verdict `notReading` is `certain` if the unread bytes fill the window")
    func notReadingFull() {
        let statistics = Made.quiet(for: .seconds(3)).with {
            ($0.receiveQueue, $0.receiveWindow, $0.receiveSegmentSize) = (128_512, 0, 47_616)
        }
        let report = StallReport.analyze(
            statistics.before(.seconds(1)), statistics, during: .nothing)
        #expect(report.verdict == .notReading)
        #expect(report.confidence == .certain)
    }

    @Test("bytes that arrived 30 ms ago are diagnosed as `moving`")
    func recentlyArrived() {
        let statistics = Made.quiet(for: .milliseconds(30)).with { $0.receiveQueue = 5_000 }
        #expect(analyze(statistics).verdict == .moving)
        #expect(analyze(statistics, during: Self.reading).verdict == .moving)
    }

    @Test("unread bytes of a Unix socket are diagnosed as `notReading` only with two samples")
    func unixNotReading() {
        let statistics = Made.unix(unread: 5_000)
        #expect(analyze(statistics).verdict == .undetermined)
        #expect(
            StallReport.analyze(statistics.before(.seconds(1)), statistics, during: .nothing)
                .verdict
                == .notReading)
    }

    // MARK: Nothing anywhere

    @Test("acknowledged data and a waiting reader are diagnosed as `bothWaiting`")
    func bothWaiting() {
        for kind in [Activity.Kind.reading, .exchanging] {
            let report = analyze(
                Made.quiet(), during: Activity(kind, elapsed: .seconds(2), sent: 20))
            #expect(report.verdict == .bothWaiting)
            #expect(report.confidence == .likely)
        }
    }

    @Test("an exchange that sent data less than 100 ms ago is diagnosed as `moving`")
    func hardlySent() {
        let activity = Activity(.exchanging, elapsed: .seconds(2), sent: 20)
        #expect(analyze(Made.quiet(for: .milliseconds(99)), during: activity).verdict == .moving)
        #expect(
            analyze(Made.quiet(for: .milliseconds(100)), during: activity).verdict == .bothWaiting)
        // A pure reader has sent its request before.
        let reading = Activity(.reading, elapsed: .seconds(2))
        #expect(
            analyze(Made.quiet(for: .milliseconds(99)), during: reading).verdict == .bothWaiting)
    }

    @Test("the evidence contains the number of bytes that have arrived")
    func part() {
        let report = analyze(
            Made.quiet(),
            during: Activity(
                .reading, elapsed: .seconds(3), timeSinceProgress: .seconds(2), received: 12))
        #expect(report.verdict == .bothWaiting)
        #expect(report.evidence.contains("12 bytes of the expected data"))
    }

    @Test("a read that times out while bytes arrive is diagnosed as `movingSlowly` with a rate")
    func slowlyIncoming() {
        let report = analyze(
            Made.quiet(for: .milliseconds(40)),
            during: Activity(.reading, elapsed: .seconds(2), received: 4_000))
        #expect(report.verdict == .movingSlowly(bytesPerSecond: 2_000, limitedBy: nil))
    }

    @Test("an idle connection of any age is diagnosed as `idle`")
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

    @Test("a socket without statistics is diagnosed as `undetermined`")
    func nothing() {
        for kind in Activity.Kind.allCases {
            #expect(
                analyze(ConnectionStatistics(), during: Activity(kind)).verdict == .undetermined)
        }
    }
}
