import Testing

@testable import Sockets

@Suite("System: time limits")
struct TimeLimitCountTests {
    @Test("hasTimeLimits is true until the last time limit has ended")
    func count() {
        System.beginTimeLimit()
        System.beginTimeLimit()
        System.endTimeLimit()
        #expect(System.hasTimeLimits)
        System.endTimeLimit()
    }
}
