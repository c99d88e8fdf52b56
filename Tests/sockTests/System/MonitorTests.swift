import Testing

@testable import sock

@Suite(.ownThread)
struct MonitorTests {
    @Test("a change wakes whoever waits for it")
    func wakes() {
        let monitor = Monitor(0)
        Worker.start { for _ in 1...100 { monitor.update { $0 += 1 } } }
        #expect(monitor.wait(atMost: .seconds(10)) { $0 == 100 })
    }

    @Test("a wait ends with its limit, and not before")
    func limit() {
        let monitor = Monitor(0)
        let start = ContinuousClock.now
        #expect(!monitor.wait(atMost: .milliseconds(50)) { $0 == 1 })
        #expect(start.duration(to: .now) >= .milliseconds(50))
    }

    @Test("what is so already is not waited for")
    func already() {
        #expect(Monitor(1).wait(atMost: .zero) { $0 == 1 })
        #expect(Monitor(1).wait { $0 == 1 })
    }

    @Test("an update gives back what its body returns")
    func result() {
        #expect(Monitor("x").update { $0 + "y" } == "xy")
    }
}
