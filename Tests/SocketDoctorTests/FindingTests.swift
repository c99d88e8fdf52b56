import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Finding")
struct FindingTests {
    private func finding(
        _ kind: Finding.Kind, _ confidence: StallReport.Confidence = .certain, seconds: Int = 1,
        cookie: UInt64 = 1
    ) -> Finding {
        Finding(
            kind, confidence, connections: [[MachineSocket(.tcp, cookie: cookie, inode: 2)]],
            stall: (.seconds(seconds), false), evidence: "", advice: "")
    }

    @Test("finding codes are stable, and a kind that is also a verdict has the verdict's code")
    func codes() {
        #expect(
            Finding.Kind.allCases.map(\.code) == [
                "circular-wait", "both-writing", "both-waiting", "network-lost", "not-accepting",
                "peer-not-reading", "not-reading", "peer-stuck", "not-closed",
            ])
        let verdicts: [StallReport.Verdict] = [
            .bothWriting, .bothWaiting, .networkLost, .peerNotReading, .notReading,
        ]
        #expect(Set(Finding.Kind.allCases.map(\.code)).isSuperset(of: verdicts.map(\.code)))
    }

    @Test("findings are sorted by kind, then confidence, then duration")
    func order() {
        let sorted = [
            finding(.circularWait, .likely), finding(.bothWriting, seconds: 9),
            finding(.bothWriting, seconds: 2), finding(.bothWriting, .likely, seconds: 99),
            finding(.peerStuck),
        ]
        #expect(sorted.shuffled().sorted().map(\.kind) == sorted.map(\.kind))
        #expect(sorted.reversed().sorted().map(\.stallDuration) == sorted.map(\.stallDuration))
    }

    @Test("equally ranked findings have a stable order")
    func tie() {
        let (one, two) = (finding(.circularWait, cookie: 1), finding(.circularWait, cookie: 2))
        #expect(one < two)
        #expect(!(two < one))
        #expect(one != two)
    }

    @Test("Finding.processes lists each waiting or blocking process once")
    func processes() {
        var one = finding(.circularWait)
        one.edges = [
            Finding.WaitEdge(waiter: 5, blockers: [3, 4], action: .read),
            Finding.WaitEdge(waiter: 3, blockers: [5], action: .read),
        ]
        one.blockers = [9]
        #expect(one.processes == [3, 4, 5, 9])
    }
}
