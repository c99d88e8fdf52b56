import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ActivityClockTests {
    /// Waits until the clock shows a later time.
    private func advance(_ clock: ActivityClock) -> Duration {
        let before = clock.now
        while clock.now < before + .milliseconds(5) {}
        return clock.now
    }

    @Test("the idle time grows until touch is called")
    func idleTime() {
        let clock = ActivityClock()
        _ = advance(clock)
        #expect(clock.now - clock.lastActivity >= .milliseconds(5))
        let before = clock.now
        clock.touch()
        #expect(clock.lastActivity >= before)
        #expect(clock.lastReceive == .zero)
    }

    @Test("lastReceive is the current time until the bytes are written, and then constant")
    func receive() {
        let clock = ActivityClock()
        clock.didReceive()
        let later = advance(clock)
        #expect(clock.lastReceive >= later)
        clock.didWrite()
        let written = clock.lastReceive
        _ = advance(clock)
        #expect(clock.lastReceive == written)
        #expect(clock.lastActivity == written)
    }
}
