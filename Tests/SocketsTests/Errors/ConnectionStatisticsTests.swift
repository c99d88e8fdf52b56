import Testing

@testable import Sockets

@Suite("ConnectionStatistics")
struct ConnectionStatisticsTests {
    @Test("unknown statistics are nil, not 0")
    func absent() {
        for child in Mirror(reflecting: ConnectionStatistics()).children
        where child.label != "takenAt" {
            #expect("\(child.value)" == "nil", "\(child.label ?? "")")
        }
    }

    @Test(
        "unacknowledgedBytes is the send queue minus the unsent bytes, or nil if either is unknown")
    func unacknowledged() {
        var statistics = ConnectionStatistics()
        #expect(statistics.unacknowledgedBytes == nil)
        statistics.sendQueue = 100
        #expect(statistics.unacknowledgedBytes == nil)
        statistics.notSent = 30
        #expect(statistics.unacknowledgedBytes == 70)
    }

    @Test("unacknowledgedBytes is never negative")
    func neverNegative() {
        var statistics = ConnectionStatistics()
        (statistics.sendQueue, statistics.notSent) = (10, 30)
        #expect(statistics.unacknowledgedBytes == 0)
    }

    @Test("the raw values of the TCP states equal the kernel's numbers")
    func states() {
        #expect(ConnectionStatistics.State.allCases.map(\.rawValue) == Array(1...11))
        #expect(ConnectionStatistics.State.closeWait.rawValue == 8)
        #expect(ConnectionStatistics.State.listen.rawValue == 10)
    }
}
