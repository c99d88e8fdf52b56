import Testing

@testable import Sockets

@Suite("Clock calls", .ownThread)
struct ClockCallsTests {
    @Test("continuousNanoseconds counts nanoseconds and never decreases")
    func monotonic() {
        let outerStart = ContinuousClock.now
        let first = System.continuousNanoseconds()
        let start = ContinuousClock.now
        var last = first
        var goesBack = false
        while start.duration(to: .now) < .milliseconds(20) {
            let now = System.continuousNanoseconds()
            goesBack = goesBack || now < last
            last = now
        }
        last = System.continuousNanoseconds()
        #expect(!goesBack)
        #expect(last - first >= 20_000_000)
        #expect(.nanoseconds(last - first) <= outerStart.duration(to: .now))
    }
}
