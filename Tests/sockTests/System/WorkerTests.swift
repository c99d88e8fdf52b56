import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct WorkerTests {
    @Test("1,000 threads each run their body once")
    func runs() {
        let count = Monitor(0)
        for _ in 0..<1000 where !Worker.start({ count.update { $0 += 1 } }) {
            Issue.record("a thread could not be started")
        }
        #expect(count.wait(atMost: .seconds(20)) { $0 == 1000 })
    }

    @Test("sleep does not return early")
    func sleeps() {
        let start = ContinuousClock.now
        Worker.sleep(for: .milliseconds(20))
        #expect(start.duration(to: .now) >= .milliseconds(20))
    }
}
