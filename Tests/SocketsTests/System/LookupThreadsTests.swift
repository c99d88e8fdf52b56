import Foundation
import SystemPackage
import Testing

@testable import Sockets

@Suite("LookupThreads", .ownThread)
struct AbandonableCallsTests {
    private let calls = LookupThreads(atMost: 8)

    @Test("a call that ends in time returns its result")
    func inTime() throws {
        #expect(try calls.run(for: .seconds(30)) { 7 } == 7)
    }

    @Test("a call that does not end in time is abandoned, and its result is dropped")
    func notInTime() throws {
        let gate = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let start = ContinuousClock.now
        let result = try calls.run(for: .milliseconds(30)) {
            gate.wait()
            ended.signal()
            return 7
        }
        #expect(result == nil)
        #expect(start.duration(to: .now) >= .milliseconds(30))
        gate.signal()
        #expect(ended.wait(timeout: .now() + 30) == .success)
    }

    @Test("a zero duration does not wait")
    func withoutAnyTime() throws {
        let gate = DispatchSemaphore(value: 0)
        #expect(try calls.run(for: .zero) { gate.wait() } == nil)
        #expect(try calls.run(for: .seconds(-1)) { gate.wait() } == nil)
        gate.signal()
        gate.signal()
    }

    @Test("the longest duration does not overflow")
    func theLongestDuration() throws {
        let longest = Duration(secondsComponent: .max, attosecondsComponent: 0)
        #expect(try calls.run(for: longest) { true } == true)
    }

    @Test("a call beyond the limit is rejected until another has ended")
    func tooManyCalls() throws {
        let calls = LookupThreads(atMost: 2)
        let gate = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        for _ in 0..<2 {
            let result: Void? = try calls.run(for: .zero) {
                gate.wait()
                ended.signal()
            }
            #expect(result == nil)
        }
        #expect(throws: Errno.resourceTemporarilyUnavailable) {
            try calls.run(for: .seconds(30)) { 7 }
        }
        gate.signal()
        #expect(ended.wait(timeout: .now() + 30) == .success)
        // The ended thread frees its place a little later.
        let deadline = ContinuousClock.now + .seconds(30)
        var admitted: Int?
        while admitted == nil, ContinuousClock.now < deadline {
            admitted = try? calls.run(for: .seconds(30)) { 7 }
        }
        #expect(admitted == 7)
        gate.signal()
    }

    @Test("ended calls do not raise the limit")
    func noMoreThanAllowed() throws {
        let calls = LookupThreads(atMost: 1)
        for _ in 0..<3 { #expect(try calls.run(for: .seconds(30)) { 7 } == 7) }
        let gate = DispatchSemaphore(value: 0)
        #expect(try calls.run(for: .zero) { gate.wait() } == nil)
        #expect(throws: Errno.resourceTemporarilyUnavailable) {
            try calls.run(for: .seconds(30)) { 7 }
        }
        gate.signal()
    }

    @Test("a lookup releases its slot before its result becomes available")
    func placesAreGivenBack() throws {
        let calls = LookupThreads(atMost: 1)
        for number in 0..<1_000 {
            try #require(try calls.run(for: .seconds(30)) { number } == number)
        }
    }
}
