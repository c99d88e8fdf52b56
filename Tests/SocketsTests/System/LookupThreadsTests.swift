import Foundation
import SystemPackage
import Testing

@testable import Sockets

@Suite("LookupThreads", .ownThread)
struct LookupThreadsTests {
    private let calls = LookupThreads(atMost: 8)

    @Test("a call that ends within the duration returns its result")
    func inTime() throws {
        #expect(try calls.run(for: .seconds(30)) { 7 } == 7)
    }

    @Test("a call that exceeds the duration returns nil, and its thread still ends")
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

    @Test("a call with a duration of zero or less returns nil without waiting")
    func withoutAnyTime() throws {
        let gate = DispatchSemaphore(value: 0)
        #expect(try calls.run(for: .zero) { gate.wait() } == nil)
        #expect(try calls.run(for: .seconds(-1)) { gate.wait() } == nil)
        gate.signal()
        gate.signal()
    }

    @Test("a call with the longest duration returns its result without overflow")
    func theLongestDuration() throws {
        let longest = Duration(secondsComponent: .max, attosecondsComponent: 0)
        #expect(try calls.run(for: longest) { true } == true)
    }

    @Test("a call throws EAGAIN while all lookup threads are in use, and later calls succeed")
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
        // The ended thread frees its slot a little later.
        let deadline = ContinuousClock.now + .seconds(30)
        var admitted: Int?
        while admitted == nil, ContinuousClock.now < deadline {
            admitted = try? calls.run(for: .seconds(30)) { 7 }
        }
        #expect(admitted == 7)
        gate.signal()
    }

    @Test("completed calls do not raise the maximum number of concurrent calls")
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

    @Test("a call frees its slot before its result is available")
    func slotsAreFreed() throws {
        let calls = LookupThreads(atMost: 1)
        for number in 0..<1_000 {
            try #require(try calls.run(for: .seconds(30)) { number } == number)
        }
    }
}
