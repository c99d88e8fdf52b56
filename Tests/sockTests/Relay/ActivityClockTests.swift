import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ActivityClockTests {
    @Test("silence grows until something moves")
    func silence() {
        let clock = ActivityClock()
        Worker.sleep(for: .milliseconds(20))
        #expect(clock.silence >= .milliseconds(20))
        let start = ContinuousClock.now
        clock.touch()
        let silence = clock.silence
        #expect(silence <= start.duration(to: .now))
    }

    @Test("a value that arrives is passed on")
    func value() throws {
        let reception = try ActivityClock().wait(allowing: .seconds(1)) { _ throws(SocketError) in 7
        }
        guard case .value(7) = reception else {
            Issue.record("\(reception)")
            return
        }
    }

    @Test("a socket that is closed here is no error")
    func closed() throws {
        let reception = try ActivityClock().wait(allowing: nil) { _ throws(SocketError) -> Int in
            throw SocketError(.receive, .closed)
        }
        guard case .closed = reception else {
            Issue.record("\(reception)")
            return
        }
    }

    @Test("what moves in the other direction puts the end off")
    func otherDirection() throws {
        let clock = ActivityClock()
        var limits = 0
        let allowed = Duration.seconds(1)
        let reception = try clock.wait(allowing: allowed) { limit throws(SocketError) -> Int in
            limits += 1
            if limits == 1 { clock.touch() }
            while limits > 1, clock.silence < allowed { Worker.sleep(for: allowed - clock.silence) }
            throw SocketError(.receive, .timedOut(limit: nil))
        }
        #expect(limits == 2)
        guard case .silence = reception else {
            Issue.record("\(reception)")
            return
        }
    }

    @Test("other errors are thrown")
    func errors() {
        #expect(throws: SocketError.self) {
            _ = try ActivityClock().wait(allowing: nil) { _ throws(SocketError) -> Int in
                throw SocketError(.receive, .system(.connectionReset))
            }
        }
    }

    @Test("a task waits by the same rules")
    func tasks() async throws {
        let clock = ActivityClock()
        let value = try await clock.suspend(allowing: nil) { limit async throws(SocketError) in
            limit
        }
        guard case .value(.never) = value else {
            Issue.record("\(value)")
            return
        }
        let closed = try await clock.suspend(allowing: nil) { _ async throws(SocketError) -> Int in
            throw SocketError(.read, .closed)
        }
        guard case .closed = closed else {
            Issue.record("\(closed)")
            return
        }
    }
}

@Suite(.ownThread)
struct PatienceTests {
    /// What is decided after these silences, in seconds, and how long would be waited next.
    private func decide(_ allowed: Int?, _ silences: Int...) -> (goesOn: [Bool], next: TimeLimit) {
        var patience = Patience(allowed.map { .seconds($0) })
        let decisions = silences.map { patience.goesOn(after: .seconds($0)) }
        return (decisions, patience.limit)
    }

    @Test("without a limit it never ends")
    func endless() {
        #expect(Patience(nil).limit == .never)
        #expect(decide(nil, 1000) == ([true], .never))
    }

    @Test("what has moved meanwhile is waited for as long again, from when it moved")
    func rest() {
        #expect(Patience(.seconds(3)).limit == .seconds(3))
        #expect(decide(3, 1) == ([true], .seconds(2)))
    }

    @Test("a silence as long as is allowed is the end")
    func end() {
        #expect(decide(3, 2, 3).goesOn == [true, false])
    }
}
