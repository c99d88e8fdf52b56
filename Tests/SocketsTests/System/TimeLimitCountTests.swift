import Testing

@testable import Sockets

@Suite("System: time limits")
struct TimeLimitCountTests {
    @Test("hasTimeLimits is true until the last time limit has ended")
    func count() async {
        // Other tests have time limits too, so this test needs a process of its own.
        await #expect(processExitsWith: .success) {
            precondition(!System.hasTimeLimits)
            System.beginTimeLimit()
            System.beginTimeLimit()
            System.endTimeLimit()
            precondition(System.hasTimeLimits)
            System.endTimeLimit()
            precondition(!System.hasTimeLimits)
        }
    }
}
