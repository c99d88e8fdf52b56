import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ActivityClockTests {
    /// Waits until the clock has been idle for `duration`.
    private func wait(for clock: ActivityClock, idleFor duration: Duration) {
        while clock.idleTime < duration {}
    }

    @Test("idleTime grows until touch restarts the time")
    func idleTime() {
        let clock = ActivityClock()
        wait(for: clock, idleFor: .milliseconds(5))
        let before = ContinuousClock.now
        clock.touch()
        let idleTime = clock.idleTime
        #expect(idleTime <= before.duration(to: .now))
    }

    @Test("wait returns a received value")
    func value() throws {
        let result = try ActivityClock().wait(timeout: .seconds(1)) { _ throws(SocketError) in 7 }
        guard case .value(7) = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test("wait returns closed if this program closed the socket")
    func closed() throws {
        let result = try ActivityClock().wait(timeout: nil) { _ throws(SocketError) -> Int in
            throw SocketError(.receive, .closed)
        }
        guard case .closed = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test("activity in the other direction extends a wait")
    func otherDirection() throws {
        let clock = ActivityClock()
        let timeout = Duration.milliseconds(20)
        var waits = 0
        let result = try clock.wait(timeout: timeout) { _ throws(SocketError) -> Int in
            waits += 1
            if waits == 1 { clock.touch() } else { wait(for: clock, idleFor: timeout) }
            throw SocketError(.receive, .timedOut(limit: nil))
        }
        #expect(waits > 1)
        guard case .idle = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test("wait throws an error other than a timeout or a close")
    func errors() {
        #expect(throws: SocketError.self) {
            _ = try ActivityClock().wait(timeout: nil) { _ throws(SocketError) -> Int in
                throw SocketError(.receive, .system(.connectionReset))
            }
        }
    }

    @Test("suspend returns values and closed in the same way as wait")
    func tasks() async throws {
        let clock = ActivityClock()
        let value = try await clock.suspend(timeout: nil) { limit async throws(SocketError) in
            limit
        }
        guard case .value(.never) = value else {
            Issue.record("\(value)")
            return
        }
        let closed = try await clock.suspend(timeout: nil) { _ async throws(SocketError) -> Int in
            throw SocketError(.read, .closed)
        }
        guard case .closed = closed else {
            Issue.record("\(closed)")
            return
        }
    }
}

@Suite(.ownThread)
struct IdleTimeoutTests {
    /// Returns the decisions after idle times in seconds, and the limit of the next wait.
    private func decide(
        _ seconds: Int?, _ idleTimes: Int...
    ) -> (waitsAgain: [Bool], next: TimeLimit) {
        var timeout = IdleTimeout(seconds.map { .seconds($0) })
        let decisions = idleTimes.map { timeout.waitsAgain(afterIdle: .seconds($0)) }
        return (decisions, timeout.limit)
    }

    @Test("an idle timeout of nil never ends the wait")
    func endless() {
        #expect(IdleTimeout(nil).limit == .never)
        #expect(decide(nil, 1000) == ([true], .never))
    }

    @Test("the next wait lasts for the rest of the timeout after activity")
    func remaining() {
        #expect(IdleTimeout(.seconds(3)).limit == .seconds(3))
        #expect(decide(3, 1) == ([true], .seconds(2)))
    }

    @Test("a wait ends when the idle time reaches the timeout")
    func end() {
        #expect(decide(3, 2, 3).waitsAgain == [true, false])
    }
}
