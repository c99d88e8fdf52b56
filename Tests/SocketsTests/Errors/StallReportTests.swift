import Testing

@testable import Sockets

@Suite("The report of what stands still")
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

    @Test("every verdict has its own code, which never changes")
    func codes() {
        for (verdict, code, _) in Self.verdicts { #expect(verdict.code == code) }
        #expect(Set(Self.verdicts.map(\.code)).count == 11)
    }

    @Test("what moves, however slowly, and what nobody needs is not stuck")
    func stuck() {
        for (verdict, _, isStuck) in Self.verdicts { #expect(verdict.isStuck == isStuck) }
    }

    @Test("its description is three sentences: verdict, evidence, advice")
    func description() {
        let report = StallReport(
            .bothWriting, .certain, evidence: "12 bytes wait.", advice: "Read.",
            statistics: ConnectionStatistics())
        #expect(
            "\(report)" == """
                Both ends are writing, and neither reads (both-writing, certain).
                12 bytes wait.
                Read.
                """)
    }

    @Test("a rate and what limits it are part of the sentence")
    func rates() {
        #expect(
            "\(StallReport.Verdict.movingSlowly(bytesPerSecond: 512, limitedBy: .congestion))"
                == "bytes move slowly, 512 bytes a second, limited by the network")
        #expect(
            "\(StallReport.Verdict.peerReadingSlowly(bytesPerSecond: nil))"
                == "the peer reads slowly")
        #expect(
            "\(StallReport.Limitation.peerWindow), \(StallReport.Limitation.congestion)"
                == "limited by the peer's window, limited by the network")
    }

    @Test("a rate is told with three digits or so")
    func rateText() {
        #expect(1.bytesPerSecond == "1 byte a second")
        #expect(9_999.bytesPerSecond == "9999 bytes a second")
        #expect(81_920.bytesPerSecond == "81 KB a second")
        #expect(25_000_000.bytesPerSecond == "25 MB a second")
    }

    @Test("possible is less than likely, and likely less than certain")
    func confidence() {
        #expect(StallReport.Confidence.allCases.sorted() == [.possible, .likely, .certain])
        #expect(
            StallReport.Confidence.allCases.map { "\($0)" } == ["possible", "likely", "certain"])
    }
}
