import Testing

@testable import Sockets

@Suite("The figures of a socket")
struct SocketFiguresTests {
    @Test("figures that nobody gave are absent, and not zero")
    func absent() {
        for child in Mirror(reflecting: ConnectionStatistics()).children
        where child.label != "takenAt" {
            #expect("\(child.value)" == "nil", "\(child.label ?? "")")
        }
    }

    @Test("what is sent and not acknowledged is what is queued without what is not sent")
    func unacknowledged() {
        var figures = ConnectionStatistics()
        #expect(figures.unacknowledged == nil)
        figures.queued = 100
        #expect(figures.unacknowledged == nil)
        figures.unsent = 30
        #expect(figures.unacknowledged == 70)
    }

    @Test("figures of two moments do not make less than nothing unacknowledged")
    func neverNegative() {
        var figures = ConnectionStatistics()
        (figures.queued, figures.unsent) = (10, 30)
        #expect(figures.unacknowledged == 0)
    }

    @Test("states have the kernel's numbers")
    func states() {
        #expect(ConnectionStatistics.State.allCases.map(\.rawValue) == Array(1...11))
        #expect(ConnectionStatistics.State.closeWait.rawValue == 8)
        #expect(ConnectionStatistics.State.listening.rawValue == 10)
    }
}
