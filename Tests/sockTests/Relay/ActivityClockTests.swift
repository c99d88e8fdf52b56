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
        clock.touch()
        #expect(clock.silence < .milliseconds(20))
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
        let reception = try clock.wait(allowing: .milliseconds(60)) {
            limit throws(SocketError) -> Int in
            limits += 1
            Worker.sleep(for: .milliseconds(limits == 1 ? 70 : 61))
            if limits == 1 { clock.touch() }
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
}
