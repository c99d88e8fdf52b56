import Testing

@testable import Sockets

@Suite("The judge of connections that are over, and of networks")
struct JudgeEndingsTests {
    private typealias Made = MeasuredStatistics

    private func analyze(
        _ statistics: ConnectionStatistics, during activity: Activity = .nothing
    ) -> StallReport {
        .analyze(nil, statistics, during: activity)
    }

    @Test("a connection that the kernel has given up is over, whatever else the statistics say")
    func closed() {
        for statistics in [Made.quiet(), Made.peerFull(), Made.bothFull(), Made.cut(5)] {
            let report = analyze(statistics.with { $0.state = .closed })
            #expect(report.verdict == .peerGone)
            #expect(report.confidence == .certain)
        }
    }

    @Test("what the peer sent before it went is there to be read, and the advice says so")
    func rest() {
        let report = analyze(Made.quiet().with { ($0.state, $0.receiveQueue) = (.closed, 12) })
        #expect(report.evidence.contains("12 bytes"))
        #expect(report.advice.contains("Read what is left"))
    }

    @Test("a Unix peer that has closed is gone")
    func unixClosed() {
        let report = analyze(Made.unix(queued: 9_000).with { $0.isHungUp = true })
        #expect(report.verdict == .peerGone)
    }

    @Test("a peer that has ended its half, of which everything has been read, is gone")
    func ended() {
        let report = analyze(Made.quiet().with { $0.state = .closeWait })
        #expect(report.verdict == .peerGone)
        #expect(report.confidence == .likely)
    }

    @Test("a peer that has ended its half and still takes our bytes is not gone")
    func halfClosed() {
        let report = analyze(
            Made.peerFull().with { $0.state = .closeWait }, during: Activity(.writing))
        #expect(report.verdict == .peerNotReading)
    }

    @Test(
        "the more often data was sent again in vain, the surer is the loss of the network",
        arguments: [
            (1, StallReport.Confidence.possible), (2, .likely), (3, .likely), (4, .certain),
            (15, .certain),
        ])
    func cut(times: Int, confidence: StallReport.Confidence) {
        for kind in Activity.Kind.allCases {
            let report = analyze(Made.cut(times), during: Activity(kind, elapsed: .seconds(1)))
            #expect(report.verdict == .networkLost)
            #expect(report.confidence == confidence)
        }
    }

    @Test("data that was sent again and answered with a closed window is not lost")
    func answered() {
        let statistics = Made.cut(2).with {
            $0.sendWindow = 0
            $0.timeSinceLastAcknowledgement = .milliseconds(340)
        }
        #expect(analyze(statistics, during: Activity(.writing)).verdict != .networkLost)
    }

    @Test("probes of a closed window that nobody answers say that the network is lost")
    func probes() {
        let statistics = Made.peerFull().with {
            ($0.probes, $0.timeSinceLastAcknowledgement) = (3, .milliseconds(3_092))
        }
        let report = analyze(statistics, during: Activity(.writing))
        #expect(report.verdict == .networkLost)
        #expect(report.evidence.contains("3 probes"))
    }

    @Test("one probe without an answer is usual: a kernel answers only so many in half a second")
    func oneProbe() {
        let statistics = Made.peerFull().with {
            ($0.probes, $0.timeSinceLastAcknowledgement) = (1, .milliseconds(876))
        }
        #expect(analyze(statistics, during: Activity(.writing)).verdict == .peerNotReading)
    }

    @Test("two probes shortly after each other may both be without an answer")
    func quickProbes() {
        let statistics = Made.peerFull().with {
            ($0.probes, $0.timeSinceLastAcknowledgement) = (2, .milliseconds(450))
        }
        #expect(analyze(statistics, during: Activity(.writing)).verdict == .peerNotReading)
    }

    @Test("an idle connection whose keep-alive probes are not answered has lost its network")
    func keepAlive() {
        let report = analyze(Made.quiet(for: .seconds(60)).with { $0.probes = 2 })
        #expect(report.verdict == .networkLost)
    }

    @Test("bytes that never leave this machine are probed for, and lost as well")
    func heldBack() {
        // A firewall of our own drops them: nothing is in flight, and the window is open.
        let statistics = Made.quiet(for: .milliseconds(76)).with {
            ($0.sendQueue, $0.notSent, $0.probes, $0.backoff) = (5, 5, 2, 2)
            $0.timeSinceLastAcknowledgement = .milliseconds(1_208)
        }
        #expect(analyze(statistics, during: Activity(.reading)).verdict == .networkLost)
    }

    @Test("a connection that is not made yet is not judged, unless it was asked for in vain")
    func connecting() {
        let fresh = Made.quiet().with { $0.state = .synSent }
        #expect(analyze(fresh).verdict == .undetermined)
        #expect(analyze(fresh.with { $0.retransmissions = 2 }).verdict == .networkLost)
    }
}
