import Testing

@testable import Sockets

@Suite("ConnectionStatistics: time without an answer")
struct ConnectionStatisticsUnansweredTests {
    private typealias Made = MeasuredStatistics

    private func connecting(
        _ times: Int, doubled: Int, timeout: Duration, left: Duration
    ) -> ConnectionStatistics {
        var statistics = ConnectionStatistics()
        statistics.state = .synSent
        (statistics.retransmissions, statistics.backoff) = (times, doubled)
        statistics.retransmissionTimeout = timeout
        statistics.timeToRetransmission = left
        return statistics
    }

    @Test("timeUnanswered of a connecting socket is the time since the first SYN was sent")
    func connecting() {
        // Measured 0.5 s, 1.5 s, 3.5 s and 5.5 s after connect, on a kernel that doubles the
        // timeout only after four retransmissions.
        for (times, doubled, timeout, left, expected) in [
            (0, 0, 1_000, 500, 500), (1, 0, 1_000, 496, 1_504), (3, 0, 1_000, 492, 3_508),
            (5, 1, 2_000, 1_532, 5_468),
        ] {
            let statistics = connecting(
                times, doubled: doubled, timeout: .milliseconds(timeout), left: .milliseconds(left))
            #expect(statistics.timeUnanswered == .milliseconds(expected))
        }
        // A kernel that doubles the timeout at once.
        let old = connecting(2, doubled: 2, timeout: .seconds(4), left: .seconds(3))
        #expect(old.timeUnanswered == .seconds(4))
    }

    @Test("timeUnanswered of a connecting socket doubles each timeout up to the kernel's maximum")
    func limited() {
        let statistics = connecting(8, doubled: 8, timeout: .seconds(120), left: .seconds(120))
        #expect(statistics.timeUnanswered == .seconds(1 + 2 + 4 + 8 + 16 + 32 + 64 + 120))
    }

    @Test("timeUnanswered of sent data does not include the idle time before the data was sent")
    func afterIdling() {
        let statistics = Made.cut(3).with {
            $0.retransmissionTimeout = .milliseconds(1_632)
            $0.timeSinceLastSend = .milliseconds(400)
            $0.timeSinceLastAcknowledgement = .seconds(3_600)
        }
        #expect(statistics.timeUnanswered == .milliseconds(204 * 7 + 400))
        // The peer has answered since the calculated time.
        let answered = statistics.with { $0.timeSinceLastAcknowledgement = .milliseconds(900) }
        #expect(answered.timeUnanswered == .milliseconds(900))
    }

    @Test("timeUnanswered is nil if nothing is unacknowledged except probes of an idle connection")
    func unknown() {
        #expect(Made.quiet().timeUnanswered == nil)
        #expect(Made.flowing().timeUnanswered == nil)
        #expect(Made.quiet().with { $0.probes = 3 }.timeUnanswered == nil)
        let probed = Made.peerFull().with {
            ($0.probes, $0.timeSinceLastAcknowledgement) = (3, .seconds(4))
        }
        #expect(probed.timeUnanswered == .seconds(4))
    }
}
