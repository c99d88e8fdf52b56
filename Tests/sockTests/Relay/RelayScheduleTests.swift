import Sockets
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

    @Test("before any event, the relay waits without a limit")
    func start() {
        #expect(next(schedule(), at: .seconds(5)) == .wait(atMost: nil))
    }

    @Test("the relay half-closes when the peer is silent for 1 s after the end of input")
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
        schedule.didTryToHalfClose(.success(()), at: .seconds(3))
        #expect(next(schedule, at: .seconds(3)) == .wait(atMost: nil))
    }

    @Test("a blocked half-close is tried again after 100 ms, and -w still ends the relay")
    func blocked() {
        var schedule = schedule(.atOnce, idleTimeout: .seconds(2))
        schedule.inputDidEnd(at: .zero, isEmpty: false)
        #expect(next(schedule, at: .seconds(1)) == .halfClose)
        let blocked = Result<Void, SocketError>.failure(SocketError(.send, .system(.wouldBlock)))
        schedule.didTryToHalfClose(blocked, at: .seconds(1))
        #expect(next(schedule, at: .seconds(1)) == .wait(atMost: .milliseconds(100)))
        #expect(next(schedule, at: .milliseconds(1100)) == .halfClose)
        schedule.didTryToHalfClose(blocked, at: .milliseconds(1950))
        #expect(next(schedule, at: .seconds(2)) == .endIdle)
    }

    @Test("the period of silence begins when the kernel has sent all bytes")
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

    @Test("-N half-closes at once, even after empty input")
    func atOnce() {
        for isEmpty in [false, true] {
            var schedule = schedule(.atOnce)
            schedule.inputDidEnd(at: .seconds(2), isEmpty: isEmpty)
            #expect(next(schedule, at: .seconds(2)) == .halfClose)
        }
    }

    @Test("with --no-shutdown or after empty input, the relay never half-closes")
    func never() {
        var open = schedule(.never)
        open.inputDidEnd(at: .zero, isEmpty: false)
        #expect(next(open, at: .seconds(60)) == .wait(atMost: nil))
        var empty = schedule()
        empty.inputDidEnd(at: .zero, isEmpty: true)
        #expect(next(empty, at: .seconds(60)) == .wait(atMost: nil))
    }

    @Test("the relay finishes when both the input and the peer have ended, in any order")
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

    @Test("on a terminal, the relay finishes when the peer sends EOF")
    func terminal() {
        var schedule = schedule(endsWithPeer: true)
        schedule.peerDidEnd()
        #expect(next(schedule, at: .zero) == .finish)
    }

    @Test("after sending has failed, the relay waits for the peer's EOF without half-closing")
    func failure() {
        var schedule = schedule(.atOnce)
        schedule.sendingDidFail(at: .zero)
        #expect(next(schedule, at: .seconds(9)) == .wait(atMost: nil))
        schedule.peerDidEnd()
        #expect(next(schedule, at: .seconds(9)) == .finish)
    }

    @Test("-q finishes the relay the given time after the end of input")
    func quit() {
        var schedule = schedule(quitAfter: .milliseconds(300))
        #expect(next(schedule, at: .seconds(9)) == .wait(atMost: nil))
        schedule.inputDidEnd(at: .seconds(9), isEmpty: false)
        #expect(next(schedule, at: .seconds(9)) == .wait(atMost: .milliseconds(300)))
        #expect(next(schedule, at: .milliseconds(9300)) == .finish)
    }

    @Test("-w ends an idle relay exactly after its limit, even if the peer has sent EOF")
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
