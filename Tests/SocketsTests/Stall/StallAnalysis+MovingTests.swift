import Testing

@testable import Sockets

@Suite("Analysis of moving bytes")
struct StallAnalysisMovingTests {
    private typealias Made = MeasuredStatistics

    @Test("a transfer at full speed is diagnosed as `moving`, from one sample and from two")
    func fullSpeed() {
        let now = Made.flowing()
        let earlier = now.before(.milliseconds(300), acknowledged: 700_000_000)
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .moving)
        #expect(StallReport.analyze(nil, now, during: .nothing).verdict == .moving)
        #expect(
            StallReport.analyze(
                nil, now, during: Activity(.writing, elapsed: .milliseconds(200), sent: 99)
            ).verdict == .moving)
    }

    @Test("a window that was closed for only 8 ms is diagnosed as `moving`")
    func momentarilyClosed() {
        let now = Made.peerFull(for: .milliseconds(8))
        #expect(StallReport.analyze(nil, now, during: .nothing).verdict == .moving)
        #expect(StallReport.analyze(nil, now, during: Activity(.writing)).verdict == .moving)
        let earlier = now.before(
            .seconds(1), acknowledged: 900_000_000, windowLimited: .milliseconds(900))
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .moving)
    }

    @Test("a receiver with a full queue in a running transfer is diagnosed as `moving`")
    func receiver() {
        let now = Made.quiet(for: .milliseconds(3)).with {
            ($0.receiveQueue, $0.receiveWindow) = (600_000, 0)
        }
        #expect(StallReport.analyze(nil, now, during: .nothing).verdict == .moving)
        let earlier = now.before(.seconds(1), received: 1_000_000)
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .moving)
    }

    @Test("a window that opens slowly is diagnosed as `peerReadingSlowly` with a rate")
    func slowReader() {
        let now = Made.peerFull(for: .milliseconds(204))
        let earlier = now.before(
            .seconds(5), acknowledged: 40_960, windowLimited: .milliseconds(4_900))
        let report = StallReport.analyze(earlier, now, during: .nothing)
        #expect(report.verdict == .peerReadingSlowly(bytesPerSecond: 8_192))
        #expect(report.samplingInterval == .seconds(5))
    }

    @Test("a transfer with retransmissions is diagnosed as `movingSlowly`, limited by `congestion`")
    func slowNetwork() {
        let now = Made.flowing().with { $0.totalRetransmissions = 9 }
        let earlier = now.before(.seconds(5), acknowledged: 100_000).with {
            $0.totalRetransmissions = 2
        }
        let report = StallReport.analyze(earlier, now, during: .nothing)
        #expect(
            report.verdict == .movingSlowly(bytesPerSecond: 20_000, limitedBy: .congestion))
        #expect(report.evidence.contains("7 segments"))
    }

    @Test("a network that was cut between the samples is diagnosed as `networkLost`")
    func cutMeanwhile() {
        let now = Made.cut(3)
        let earlier = now.before(.seconds(5), acknowledged: 900_000_000)
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .networkLost)
    }

    @Test("a deadlock that formed between the samples is diagnosed as `bothWriting`")
    func deadlockMeanwhile() {
        let now = Made.bothFull(for: .seconds(3))
        let earlier = now.before(.seconds(5), acknowledged: 128_512, received: 113_152)
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .bothWriting)
    }

    @Test("bytes that only fill the peer's window do not prevent the verdict `peerNotReading`")
    func filledWindow() {
        // Measured: a sender waits before it sends less than a segment.
        let now = Made.peerFull(for: .milliseconds(888))
        let earlier = now.before(.seconds(1), acknowledged: 15_360).with { $0.sendWindow = 15_360 }
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .peerNotReading)
    }

    @Test("bytes that arrived between the samples and stay unread are diagnosed as `notReading`")
    func unreadSinceArrival() {
        let now = Made.quiet(for: .milliseconds(900)).with {
            ($0.receiveQueue, $0.bytesReceived) = (5, 5)
        }
        let earlier = now.before(.seconds(1), received: 5).with { $0.receiveQueue = 0 }
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .notReading)
    }

    @Test("reading at this end does not prevent the verdict `peerNotReading`")
    func ourOwnReading() {
        let now = Made.peerFull()
        let earlier = now.before(.seconds(5)).with { $0.receiveQueue = 50_000 }
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .peerNotReading)
    }

    @Test("a verdict has no rate if no time has passed")
    func noTime() {
        let now = Made.peerFull()
        let earlier = now.before(.zero, acknowledged: 5)
        // The second sample precedes the first, which counts as no time as well.
        for start in [earlier, earlier.with { $0.takenAt += .seconds(9) }] {
            let report = StallReport.analyze(start, now, during: .nothing)
            #expect(report.verdict == .moving)
            #expect(report.samplingInterval == .zero)
        }
        let reading = Activity(.reading, elapsed: .zero, received: 4_000)
        let report = StallReport.analyze(
            nil, Made.quiet(for: .milliseconds(40)), during: reading)
        #expect(report.verdict == .movingSlowly(bytesPerSecond: nil, limitedBy: nil))
    }
}
