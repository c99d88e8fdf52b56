import Foundation
import SystemPackage
import Testing

@testable import Sockets

/// One after another: they count the threads that run.
@Suite("AbandonableCall", .serialized)
struct AbandonableCallTests {
    @Test("a call that ends in time gives its result")
    func inTime() throws {
        #expect(try AbandonableCall.run(for: .seconds(30)) { 7 } == 7)
    }

    @Test("a call that does not end in time is left, and its result dropped when it comes")
    func notInTime() throws {
        let gate = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let start = ContinuousClock.now
        let result = try AbandonableCall.run(for: .milliseconds(30)) {
            gate.wait()
            ended.signal()
            return 7
        }
        #expect(result == nil)
        #expect(start.duration(to: .now) >= .milliseconds(30))
        gate.signal()
        #expect(ended.wait(timeout: .now() + 30) == .success)
    }

    @Test("without any time nothing is waited for")
    func withoutAnyTime() throws {
        let gate = DispatchSemaphore(value: 0)
        #expect(try AbandonableCall.run(for: .zero) { gate.wait() } == nil)
        #expect(try AbandonableCall.run(for: .seconds(-1)) { gate.wait() } == nil)
        gate.signal()
        gate.signal()
    }

    @Test("the longest duration there is does not overflow")
    func theLongestDuration() throws {
        let longest = Duration(secondsComponent: .max, attosecondsComponent: 0)
        #expect(try AbandonableCall.run(for: longest) { true } == true)
    }

    @Test("when too many calls run, another is refused until one has ended")
    func tooManyCalls() throws {
        let gate = DispatchSemaphore(value: 0)
        var refused: Errno?
        var started = 0
        while refused == nil, started <= AbandonableCall.maximumThreads {
            do throws(Errno) {
                _ = try AbandonableCall.run(for: .zero) { gate.wait() }
                started += 1
            } catch {
                refused = error
            }
        }
        #expect(refused == .resourceTemporarilyUnavailable)
        for _ in 0..<started { gate.signal() }
        // The threads end in their own time; a call is admitted as soon as one has.
        let deadline = ContinuousClock.now + .seconds(30)
        var admitted: Int?
        while admitted == nil, ContinuousClock.now < deadline {
            admitted = try? AbandonableCall.run(for: .seconds(30)) { 7 }
        }
        #expect(admitted == 7)
    }
}
