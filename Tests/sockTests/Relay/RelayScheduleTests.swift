import Testing

@testable import sock

@Suite(.ownThread)
struct RelayScheduleTests {
    /// Returns a schedule with a half-close after 1 s of silence.
    private func schedule(
        _ halfClose: HalfClose = .afterSilence(.seconds(1)), idleTimeout: Duration? = nil,
        quitAfter: Duration? = nil, endsWithPeer: Bool = false
    ) -> RelaySchedule {
        var options = RelayOptions()
        options.halfClose = halfClose
        options.idleTimeout = idleTimeout
        options.quitAfter = quitAfter
        return RelaySchedule(options, endsWithPeer: endsWithPeer)
    }

    private func next(
        _ schedule: RelaySchedule, at now: Duration, activity: Duration = .zero,
        receive: Duration = .zero
    ) -> RelaySchedule.Step {
        schedule.next(at: now, lastActivity: activity, lastReceive: receive)
    }

    @Test("before any event it waits without a limit")
    func start() {
        #expect(next(schedule(), at: .seconds(5)) == .wait(atMost: nil))
    }

    @Test("it half-closes when the peer is silent for 1 s after the end of input")
    func silence() {
        var schedule = schedule()
        schedule.inputDidEnd(at: .seconds(2), isEmpty: false)
        #expect(next(schedule, at: .seconds(2)) == .wait(atMost: .seconds(1)))
        // The peer still sends.
        #expect(
            next(schedule, at: .seconds(3), receive: .milliseconds(2500))
                == .wait(atMost: .milliseconds(500)))
        #expect(next(schedule, at: .seconds(3)) == .checkSendQueue)
        schedule.didCheckSendQueue(at: .seconds(3), isEmpty: true)
        #expect(next(schedule, at: .seconds(3)) == .halfClose)
        schedule.didHalfClose()
        #expect(next(schedule, at: .seconds(3)) == .wait(atMost: nil))
    }

    @Test("a blocked half-close is tried again after 100 ms, and -w still ends the relay")
    func blocked() {
        var schedule = schedule(.atOnce, idleTimeout: .seconds(2))
        schedule.inputDidEnd(at: .zero, isEmpty: false)
        #expect(next(schedule, at: .seconds(1)) == .halfClose)
        schedule.halfCloseDidBlock(at: .seconds(1))
        #expect(next(schedule, at: .seconds(1)) == .wait(atMost: .milliseconds(100)))
        #expect(next(schedule, at: .milliseconds(1100)) == .halfClose)
        schedule.halfCloseDidBlock(at: .milliseconds(1950))
        #expect(next(schedule, at: .seconds(2)) == .endIdle)
    }

    @Test("the silence begins when the kernel has sent everything")
    func draining() {
        var schedule = schedule()
        schedule.inputDidEnd(at: .zero, isEmpty: false)
        schedule.didCheckSendQueue(at: .seconds(1), isEmpty: false)
        #expect(next(schedule, at: .seconds(1)) == .wait(atMost: .milliseconds(100)))
        #expect(next(schedule, at: .milliseconds(1100)) == .checkSendQueue)
        schedule.didCheckSendQueue(at: .milliseconds(1100), isEmpty: true)
        #expect(next(schedule, at: .milliseconds(1100)) == .wait(atMost: .milliseconds(900)))
        #expect(next(schedule, at: .seconds(2)) == .halfClose)
    }

    @Test("-N half-closes at once, also after empty input")
    func atOnce() {
        for isEmpty in [false, true] {
            var schedule = schedule(.atOnce)
            schedule.inputDidEnd(at: .seconds(2), isEmpty: isEmpty)
            #expect(next(schedule, at: .seconds(2)) == .halfClose)
        }
    }

    @Test("--no-shutdown and empty input never half-close")
    func never() {
        var open = schedule(.never)
        open.inputDidEnd(at: .zero, isEmpty: false)
        #expect(next(open, at: .seconds(60)) == .wait(atMost: nil))
        var empty = schedule()
        empty.inputDidEnd(at: .zero, isEmpty: true)
        #expect(next(empty, at: .seconds(60)) == .wait(atMost: nil))
    }

    @Test("it finishes when both the input and the peer have ended, in any order")
    func bothEnds() {
        var peerLast = schedule(.never)
        peerLast.inputDidEnd(at: .zero, isEmpty: false)
        peerLast.peerDidEnd()
        #expect(next(peerLast, at: .zero) == .finish)
        var inputLast = schedule()
        inputLast.peerDidEnd()
        #expect(inputLast.isOnlySending)
        #expect(next(inputLast, at: .seconds(60)) == .wait(atMost: nil))
        inputLast.inputDidEnd(at: .seconds(60), isEmpty: false)
        #expect(next(inputLast, at: .seconds(60)) == .finish)
    }

    @Test("on a terminal the peer's end is the end")
    func terminal() {
        var schedule = schedule(endsWithPeer: true)
        schedule.peerDidEnd()
        #expect(next(schedule, at: .zero) == .finish)
    }

    @Test("after a failure to send it waits for the peer's end and does not half-close")
    func failure() {
        var schedule = schedule(.atOnce)
        schedule.sendingDidFail(at: .zero)
        #expect(next(schedule, at: .seconds(9)) == .wait(atMost: nil))
        schedule.peerDidEnd()
        #expect(next(schedule, at: .seconds(9)) == .finish)
    }

    @Test("-q finishes that long after the end of input")
    func quit() {
        var schedule = schedule(quitAfter: .milliseconds(300))
        #expect(next(schedule, at: .seconds(9)) == .wait(atMost: nil))
        schedule.inputDidEnd(at: .seconds(9), isEmpty: false)
        #expect(next(schedule, at: .seconds(9)) == .wait(atMost: .milliseconds(300)))
        #expect(next(schedule, at: .milliseconds(9300)) == .finish)
    }

    @Test("-w ends an idle relay exactly after its limit, also when the peer has ended")
    func idle() {
        var schedule = schedule(idleTimeout: .seconds(2))
        #expect(
            next(schedule, at: .seconds(3), activity: .seconds(2)) == .wait(atMost: .seconds(1)))
        schedule.peerDidEnd()
        #expect(
            next(schedule, at: .seconds(3), activity: .seconds(2)) == .wait(atMost: .seconds(1)))
        #expect(next(schedule, at: .seconds(4), activity: .seconds(2)) == .endIdle)
    }
}
