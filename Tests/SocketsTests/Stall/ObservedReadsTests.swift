import Testing

@testable import Sockets

@Suite("Observed reads")
struct ObservedReadsTests {
    private typealias Made = MeasuredStatistics

    private func received(_ bytes: Int, unread: Int, ended: Bool = false) -> ConnectionStatistics {
        Made.quiet().with {
            ($0.bytesReceived, $0.receiveQueue) = (bytes, unread)
            $0.hasPeerHalfClosed = ended
        }
    }

    @Test("bytesRead counts the bytes read even if the same number of bytes arrived")
    func counted() {
        let earlier = received(1_000, unread: 600)
        #expect(received(1_000, unread: 600).bytesRead(since: earlier) == 0)
        #expect(received(1_000, unread: 500).bytesRead(since: earlier) == 100)
        #expect(received(1_300, unread: 600).bytesRead(since: earlier) == 300)
        #expect(received(1_300, unread: 900).bytesRead(since: earlier) == 0)
    }

    @Test("bytesRead does not count a FIN")
    func end() {
        let earlier = received(1_000, unread: 600)
        #expect(received(1_001, unread: 600, ended: true).bytesRead(since: earlier) == 0)
        let ended = received(1_001, unread: 0, ended: true)
        #expect(ended.bytesRead(since: ended) == 0)
    }

    @Test("bytesRead of a Unix socket is the length by which the queue has shrunk")
    func uncounted() {
        let earlier = Made.unix(unread: 600)
        #expect(Made.unix(unread: 500).bytesRead(since: earlier) == 100)
        #expect(Made.unix(unread: 700).bytesRead(since: earlier) == 0)
        #expect(ConnectionStatistics().bytesRead(since: earlier) == nil)
    }

    // MARK: Reports

    @Test(
        "a closed window is diagnosed as `peerReadingSlowly` if the peer read between the samples")
    func slowPeer() {
        let now = Made.peerFull()
        let report = StallReport.analyze(
            now.before(.seconds(1)), now, during: .nothing, reads: ObservedReads(atPeer: 10_000))
        #expect(report.verdict == .peerReadingSlowly(bytesPerSecond: 10_000))
        #expect(report.confidence == .certain)
        #expect(
            report.evidence
                == "The peer read 10000 bytes in 1 s, and 2755072 bytes wait to be sent.")
        #expect("\(report.verdict)" == "the peer reads slowly, 10 KB a second")
    }

    @Test("a closed window is diagnosed as `moving` if the peer read fast between the samples")
    func fastPeer() {
        let now = Made.peerFull()
        let report = StallReport.analyze(
            now.before(.seconds(1)), now, during: .nothing, reads: ObservedReads(atPeer: 900_000))
        #expect(report.verdict == .moving)
    }

    @Test("full buffers are not diagnosed as a deadlock if either end read between the samples")
    func deadlock() {
        let now = Made.bothFull()
        let earlier = now.before(.seconds(1))
        func verdict(_ reads: ObservedReads) -> StallReport.Verdict {
            StallReport.analyze(earlier, now, during: .nothing, reads: reads).verdict
        }
        #expect(verdict(ObservedReads(here: 0, atPeer: 0)) == .bothWriting)
        #expect(verdict(ObservedReads(atPeer: 1_000)) == .peerReadingSlowly(bytesPerSecond: 1_000))
        #expect(verdict(ObservedReads(here: 1_000)) == .peerNotReading)
    }

    @Test("unread bytes are diagnosed as `movingSlowly` if this end read between the samples")
    func slowEnd() {
        let now = received(128_000, unread: 100_000)
        let report = StallReport.analyze(
            now.before(.seconds(1)), now, during: .nothing, reads: ObservedReads(here: 10_000))
        #expect(report.verdict == .movingSlowly(bytesPerSecond: 10_000, limitedBy: nil))
        #expect(
            report.evidence == "This end read 10000 bytes in 1 s, and 100000 bytes wait to be read."
        )
        let still = StallReport.analyze(now.before(.seconds(1)), now, during: .nothing)
        #expect(still.verdict == .notReading)
    }

    @Test("reads between the samples of a Unix socket count even if the queue was filled again")
    func samples() {
        var samples = ConnectionSamples()
        for (time, unread) in [(0, 90_000), (500, 80_000), (1_000, 90_000)] {
            samples.add(
                Made.unix(unread: unread).with { $0.takenAt = .milliseconds(time) })
        }
        let report = samples.report(during: .nothing)
        #expect(report.verdict == .movingSlowly(bytesPerSecond: 10_000, limitedBy: nil))
    }

    @Test("an end that stopped reading a second ago is diagnosed as `notReading`")
    func stopped() {
        var samples = ConnectionSamples()
        for (time, unread) in [(0, 90_000), (500, 80_000), (1_500, 80_000)] {
            samples.add(
                received(100_000, unread: unread).with { $0.takenAt = .milliseconds(time) })
        }
        #expect(samples.report(during: .nothing).verdict == .notReading)
    }
}
