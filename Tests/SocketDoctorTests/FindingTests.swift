import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("An ailment")
struct AilmentTests {
    private func ailment(
        _ kind: Finding.Kind, _ confidence: StallReport.Confidence = .certain, seconds: Int = 1,
        cookie: UInt64 = 1
    ) -> Finding {
        Finding(
            kind, confidence, connections: [[MachineSocket(.tcp, cookie: cookie, inode: 2)]],
            still: (.seconds(seconds), false), evidence: "", advice: "")
    }

    @Test("codes never change, and those of a verdict are the verdict's")
    func codes() {
        #expect(
            Finding.Kind.allCases.map(\.code) == [
                "circle", "both-writing", "both-waiting", "network-lost", "not-accepting",
                "peer-not-reading", "not-reading", "peer-stuck",
            ])
        let verdicts: [StallReport.Verdict] = [
            .bothWriting, .bothWaiting, .networkLost, .peerNotReading, .notReading,
        ]
        #expect(Set(Finding.Kind.allCases.map(\.code)).isSuperset(of: verdicts.map(\.code)))
    }

    @Test("the worst comes first: by kind, then the surest, then the longest")
    func order() {
        let sorted = [
            ailment(.circle, .likely), ailment(.bothWriting, seconds: 9),
            ailment(.bothWriting, seconds: 2), ailment(.bothWriting, .likely, seconds: 99),
            ailment(.peerStuck),
        ]
        #expect(sorted.shuffled().sorted().map(\.kind) == sorted.map(\.kind))
        #expect(sorted.reversed().sorted().map(\.still) == sorted.map(\.still))
    }

    @Test("of two that are alike the order is the same each time")
    func tie() {
        let (one, two) = (ailment(.circle, cookie: 1), ailment(.circle, cookie: 2))
        #expect(one < two)
        #expect(!(two < one))
        #expect(one != two)
    }

    @Test("all programs that have to do with it, once")
    func processes() {
        var one = ailment(.circle)
        one.links = [
            Finding.Link(waiter: 5, others: [3, 4], deed: .read),
            Finding.Link(waiter: 3, others: [5], deed: .read),
        ]
        one.culprits = [9]
        #expect(one.processes == [3, 4, 5, 9])
    }
}
