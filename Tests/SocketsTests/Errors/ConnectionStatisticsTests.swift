import Testing

@testable import Sockets

@Suite("Connection statistics")
struct ConnectionStatisticsTests {
    @Test("unknown statistics are nil and not zero")
    func absent() {
        for child in Mirror(reflecting: ConnectionStatistics()).children
        where child.label != "takenAt" {
            #expect("\(child.value)" == "nil", "\(child.label ?? "")")
        }
    }

    @Test("unacknowledged bytes are the send queue without the bytes not sent")
    func unacknowledged() {
        var statistics = ConnectionStatistics()
        #expect(statistics.unacknowledgedBytes == nil)
        statistics.sendQueue = 100
        #expect(statistics.unacknowledgedBytes == nil)
        statistics.notSent = 30
        #expect(statistics.unacknowledgedBytes == 70)
    }

    @Test("unacknowledged bytes are never negative")
    func neverNegative() {
        var statistics = ConnectionStatistics()
        (statistics.sendQueue, statistics.notSent) = (10, 30)
        #expect(statistics.unacknowledgedBytes == 0)
    }

    @Test("states have the kernel's numbers")
    func states() {
        #expect(ConnectionStatistics.State.allCases.map(\.rawValue) == Array(1...11))
        #expect(ConnectionStatistics.State.closeWait.rawValue == 8)
        #expect(ConnectionStatistics.State.listen.rawValue == 10)
    }
}
