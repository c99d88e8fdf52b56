import Testing

@testable import Sockets

@Suite("StallReport")
struct StallReportTests {
    private static let verdicts: [(StallReport.Verdict, code: String, isStuck: Bool)] = [
        (.peerNotReading, "peer-not-reading", true),
        (.peerReadingSlowly(bytesPerSecond: 7), "peer-reading-slowly", false),
        (.bothWriting, "both-writing", true),
        (.bothWaiting, "both-waiting", true),
        (.networkLost, "network-lost", true),
        (.peerGone, "peer-gone", true),
        (.notReading, "not-reading", true),
        (.movingSlowly(bytesPerSecond: nil, limitedBy: .congestion), "moving-slowly", false),
        (.moving, "moving", false),
        (.idle, "idle", false),
        (.undetermined, "undetermined", false),
    ]

    @Test("each verdict has a distinct and stable code")
    func codes() {
        for (verdict, code, _) in Self.verdicts { #expect(verdict.code == code) }
        #expect(Set(Self.verdicts.map(\.code)).count == 11)
    }

    @Test("isStuck is false for slow, moving, idle and undetermined verdicts, and otherwise true")
    func stuck() {
        for (verdict, _, isStuck) in Self.verdicts { #expect(verdict.isStuck == isStuck) }
    }

    @Test("the description of a report consists of the verdict, the evidence and the advice")
    func description() {
        let report = StallReport(
            .bothWriting, .certain, evidence: "12 bytes wait.", advice: "Read.",
            statistics: ConnectionStatistics())
        #expect(
            "\(report)" == """
                Deadlock: both ends are writing, and neither reads (both-writing, certain).
                12 bytes wait.
                Read.
                """)
    }

    @Test("the description of a verdict contains the rate and the limitation if they are known")
    func rates() {
        #expect(
            "\(StallReport.Verdict.movingSlowly(bytesPerSecond: 512, limitedBy: .congestion))"
                == "bytes move slowly, 512 bytes a second, limited by the network")
        #expect(
            "\(StallReport.Verdict.peerReadingSlowly(bytesPerSecond: nil))"
                == "the peer reads slowly")
    }

    @Test("a rate prints as bytes, KB or MB per second")
    func rateText() {
        #expect(1.bytesPerSecond == "1 byte a second")
        #expect(9_999.bytesPerSecond == "9999 bytes a second")
        #expect(81_920.bytesPerSecond == "81 KB a second")
        #expect(25_000_000.bytesPerSecond == "25 MB a second")
    }

    @Test("confidences sort in the order `possible`, `likely`, `certain`")
    func confidence() {
        #expect(StallReport.Confidence.allCases.sorted() == [.possible, .likely, .certain])
        #expect(
            StallReport.Confidence.allCases.map { "\($0)" } == ["possible", "likely", "certain"])
    }
}
