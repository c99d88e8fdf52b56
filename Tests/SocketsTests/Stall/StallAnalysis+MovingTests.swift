import Testing

@testable import Sockets

@Suite("The judge of bytes that move")
struct JudgeMovingTests {
    private typealias Made = MeasuredStatistics

    @Test("a transfer at full speed is moving, with a full queue and from one look or two")
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

    @Test("a window that is closed for a moment at full speed is no stall")
    func momentarilyClosed() {
        let now = Made.peerFull(for: .milliseconds(8))
        #expect(StallReport.analyze(nil, now, during: .nothing).verdict == .moving)
        #expect(StallReport.analyze(nil, now, during: Activity(.writing)).verdict == .moving)
        let earlier = now.before(
            .seconds(1), acknowledged: 900_000_000, windowLimited: .milliseconds(900))
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .moving)
    }

    @Test("a receiver that is looked at in the middle of a transfer is moving")
    func receiver() {
        let now = Made.quiet(for: .milliseconds(3)).with {
            ($0.receiveQueue, $0.receiveWindow) = (600_000, 0)
        }
        #expect(StallReport.analyze(nil, now, during: .nothing).verdict == .moving)
        let earlier = now.before(.seconds(1), received: 1_000_000)
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .moving)
    }

    @Test("a peer whose window opens little by little reads slowly, and the rate is told")
    func slowReader() {
        let now = Made.peerFull(for: .milliseconds(204))
        let earlier = now.before(
            .seconds(5), acknowledged: 40_960, windowLimited: .milliseconds(4_900))
        let report = StallReport.analyze(earlier, now, during: .nothing)
        #expect(report.verdict == .peerReadingSlowly(bytesPerSecond: 8_192))
        #expect(report.samplingInterval == .seconds(5))
    }

    @Test("a transfer that the network slows down is limited by it")
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

    @Test("what was cut off in the middle of a watch is lost, though bytes moved before")
    func cutMeanwhile() {
        let now = Made.cut(3)
        let earlier = now.before(.seconds(5), acknowledged: 900_000_000)
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .networkLost)
    }

    @Test("a deadlock that came about during a watch is one, though bytes moved before")
    func deadlockMeanwhile() {
        let now = Made.bothFull(for: .seconds(3))
        let earlier = now.before(.seconds(5), acknowledged: 128_512, received: 113_152)
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .bothWriting)
    }

    @Test("what still fitted into the peer's window when the watch began has not been read")
    func lastSliver() {
        // Measured: a sender waits before it sends less than a segment.
        let now = Made.peerFull(for: .milliseconds(888))
        let earlier = now.before(.seconds(1), acknowledged: 15_360).with { $0.sendWindow = 15_360 }
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .peerNotReading)
    }

    @Test("bytes that came during a watch and have been lying there since wait to be read")
    func lyingAround() {
        let now = Made.quiet(for: .milliseconds(900)).with {
            ($0.receiveQueue, $0.bytesReceived) = (5, 5)
        }
        let earlier = now.before(.seconds(1), received: 5).with { $0.receiveQueue = 0 }
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .notReading)
    }

    @Test("reading what had come before does not move a peer that takes nothing")
    func ourOwnReading() {
        let now = Made.peerFull()
        let earlier = now.before(.seconds(5)).with { $0.receiveQueue = 50_000 }
        #expect(StallReport.analyze(earlier, now, during: .nothing).verdict == .peerNotReading)
    }

    @Test("a rate over no time at all is not told")
    func noTime() {
        let now = Made.peerFull()
        let earlier = now.before(.zero, acknowledged: 5)
        _ = StallReport.analyze(earlier, now, during: .nothing)
        _ = StallReport.analyze(earlier.with { $0.takenAt += .seconds(9) }, now, during: .nothing)
    }
}
