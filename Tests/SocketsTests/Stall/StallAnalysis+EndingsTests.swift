import Testing

@testable import Sockets

@Suite("Analysis of ended connections and lost networks")
struct StallAnalysisEndingsTests {
    private typealias Made = MeasuredStatistics

    private func analyze(
        _ statistics: ConnectionStatistics, during activity: Activity = .nothing
    ) -> StallReport {
        .analyze(nil, statistics, during: activity)
    }

    @Test("a closed connection is diagnosed as `peerGone` regardless of all other statistics")
    func closed() {
        for statistics in [Made.quiet(), Made.peerFull(), Made.bothFull(), Made.cut(5)] {
            let report = analyze(statistics.with { $0.state = .closed })
            #expect(report.verdict == .peerGone)
            #expect(report.confidence == .certain)
        }
    }

    @Test("a closed connection with unread bytes gives the advice to read the bytes")
    func rest() {
        let report = analyze(Made.quiet().with { ($0.state, $0.receiveQueue) = (.closed, 12) })
        #expect(report.evidence.contains("12 bytes"))
        #expect(report.advice.contains("Read the remaining bytes"))
    }

    @Test("a hung-up Unix socket is diagnosed as `peerGone`")
    func unixClosed() {
        let report = analyze(Made.unix(queued: 9_000).with { $0.isHungUp = true })
        #expect(report.verdict == .peerGone)
    }

    @Test("a half-closed peer is diagnosed as `peerGone` if no bytes are unread")
    func ended() {
        let report = analyze(Made.quiet().with { $0.state = .closeWait })
        #expect(report.verdict == .peerGone)
        #expect(report.confidence == .likely)
    }

    @Test("a half-closed peer is diagnosed as `peerNotReading` while sent bytes wait")
    func halfClosed() {
        let report = analyze(
            Made.peerFull().with { $0.state = .closeWait }, during: Activity(.writing))
        #expect(report.verdict == .peerNotReading)
    }

    @Test(
        "each further unanswered retransmission raises the confidence in `networkLost`",
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

    @Test("an answered retransmission with a closed window is not diagnosed as `networkLost`")
    func answered() {
        let statistics = Made.cut(2).with {
            $0.sendWindow = 0
            $0.timeSinceLastAcknowledgement = .milliseconds(340)
        }
        #expect(analyze(statistics, during: Activity(.writing)).verdict != .networkLost)
    }

    @Test("three unanswered probes of a closed window are diagnosed as `networkLost`")
    func probes() {
        let statistics = Made.peerFull().with {
            ($0.probes, $0.timeSinceLastAcknowledgement) = (3, .milliseconds(3_092))
        }
        let report = analyze(statistics, during: Activity(.writing))
        #expect(report.verdict == .networkLost)
        #expect(report.evidence.contains("3 probes"))
    }

    @Test("one unanswered probe is diagnosed as `peerNotReading`, not as `networkLost`")
    func oneProbe() {
        let statistics = Made.peerFull().with {
            ($0.probes, $0.timeSinceLastAcknowledgement) = (1, .milliseconds(876))
        }
        #expect(analyze(statistics, during: Activity(.writing)).verdict == .peerNotReading)
    }

    @Test("two unanswered probes within half a second are diagnosed as `peerNotReading`")
    func quickProbes() {
        let statistics = Made.peerFull().with {
            ($0.probes, $0.timeSinceLastAcknowledgement) = (2, .milliseconds(450))
        }
        #expect(analyze(statistics, during: Activity(.writing)).verdict == .peerNotReading)
    }

    @Test("unanswered keep-alive probes of an idle connection are diagnosed as `networkLost`")
    func keepAlive() {
        let report = analyze(Made.quiet(for: .seconds(60)).with { $0.probes = 2 })
        #expect(report.verdict == .networkLost)
    }

    @Test("bytes that a local firewall drops are diagnosed as `networkLost`")
    func droppedLocally() {
        // A local firewall drops the bytes, so nothing is in flight and the window is open.
        let statistics = Made.quiet(for: .milliseconds(76)).with {
            ($0.sendQueue, $0.notSent, $0.probes, $0.backoff) = (5, 5, 2, 2)
            $0.timeSinceLastAcknowledgement = .milliseconds(1_208)
        }
        #expect(analyze(statistics, during: Activity(.reading)).verdict == .networkLost)
    }

    @Test("a connecting socket is diagnosed as `undetermined` until the SYN is retransmitted")
    func connecting() {
        let fresh = Made.quiet().with { $0.state = .synSent }
        #expect(analyze(fresh).verdict == .undetermined)
        #expect(analyze(fresh.with { $0.retransmissions = 2 }).verdict == .networkLost)
    }

    @Test("the evidence about a connecting socket contains the time since the first request")
    func connectingTime() {
        let statistics = ConnectionStatistics().with {
            ($0.state, $0.retransmissions, $0.backoff) = (.synSent, 3, 0)
            $0.retransmissionTimeout = .seconds(1)
            $0.timeToRetransmission = .milliseconds(500)
        }
        #expect(
            analyze(statistics).evidence
                == "The connection was requested 4 times without an answer for 3.5 s.")
    }

    @Test("the evidence about lost data does not count the idle time before the data was sent")
    func idleBefore() {
        let statistics = Made.cut(3).with {
            $0.retransmissionTimeout = .milliseconds(1_632)
            $0.timeSinceLastSend = .milliseconds(400)
            $0.timeSinceLastAcknowledgement = .seconds(3_600)
        }
        #expect(
            analyze(statistics).evidence
                == "982298 bytes in flight were sent again 3 times without an answer for 1.8 s.")
    }

    @Test("the advice blames only this machine's firewall if the peer is on this machine")
    func localPeer() {
        for statistics in [
            Made.cut(3), Made.quiet().with { ($0.state, $0.retransmissions) = (.synSent, 3) },
        ] {
            #expect(!analyze(statistics).advice.contains("this machine"))
            #expect(
                analyze(statistics.with { $0.isPeerLocal = true }).advice
                    == "Check the firewall of this machine, because the peer's address belongs to it."
            )
        }
    }
}
