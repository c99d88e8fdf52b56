import Testing

@testable import Sockets

@Suite("Monitor", .ownThread)
struct MonitorTests {
    @Test("update wakes a thread that waits for a condition")
    func wakes() throws {
        let monitor = Monitor(0)
        try System.startThread { for _ in 1...100 { monitor.update { $0 += 1 } } }
        #expect(monitor.wait(atMost: .seconds(10)) { $0 == 100 })
    }

    @Test("wait ends no earlier than its limit")
    func limit() {
        let monitor = Monitor(0)
        let start = ContinuousClock.now
        #expect(!monitor.wait(atMost: .milliseconds(50)) { $0 == 1 })
        #expect(start.duration(to: .now) >= .milliseconds(50))
    }

    @Test("wait returns at once if the condition holds")
    func already() {
        #expect(Monitor(1).wait(atMost: .zero) { $0 == 1 })
        #expect(Monitor(1).wait { $0 == 1 })
    }

    @Test("update returns the result of its body")
    func result() {
        #expect(Monitor("x").update { $0 + "y" } == "xy")
    }
}
