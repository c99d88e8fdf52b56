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

    @Test("a call that exceeds the duration throws `timedOut`, and its thread still ends")
    func notInTime() throws {
        let gate = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let start = ContinuousClock.now
        #expect(throws: LookupThreads.Failure.timedOut(hasBegun: true)) {
            try calls.run(for: .milliseconds(30)) {
                gate.wait()
                ended.signal()
                return 7
            }
        }
        #expect(start.duration(to: .now) >= .milliseconds(30))
        gate.signal()
        #expect(ended.wait(timeout: .now() + 30) == .success)
    }

    @Test("a call with a duration of zero or less throws `timedOut` without waiting")
    func withoutAnyTime() throws {
        let gate = DispatchSemaphore(value: 0)
        for limit in [Duration.zero, .seconds(-1)] {
            #expect(throws: LookupThreads.Failure.timedOut(hasBegun: true)) {
                try calls.run(for: limit) { gate.wait() }
            }
        }
        gate.signal()
        gate.signal()
    }

    @Test("a call with the longest duration returns its result without overflow")
    func theLongestDuration() throws {
        let longest = Duration(secondsComponent: .max, attosecondsComponent: 0)
        #expect(try calls.run(for: longest) { true } == true)
    }

    @Test("a call that finds all threads busy waits for a thread until its own time limit")
    func queued() throws {
        let calls = LookupThreads(atMost: 2)
        let gate = DispatchSemaphore(value: 0)
        for _ in 0..<2 {
            #expect(throws: LookupThreads.Failure.timedOut(hasBegun: true)) {
                try calls.run(for: .zero) { gate.wait() }
            }
        }
        let start = ContinuousClock.now
        #expect(throws: LookupThreads.Failure.timedOut(hasBegun: false)) {
            try calls.run(for: .milliseconds(30)) { 7 }
        }
        #expect(start.duration(to: .now) >= .milliseconds(30))
        let waiting = Background { try calls.run(for: .seconds(30)) { 8 } }
        gate.signal()
        #expect(try waiting.value() == 8)
        gate.signal()
    }

    @Test("queued calls run in order, and a call that is abandoned in the queue never runs")
    func order() throws {
        let calls = LookupThreads(atMost: 1)
        let gate = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let begun = Lock<[Int]>([])
        _ = try calls.start {
            gate.wait()
            return {}
        }
        let queued = try (0..<4).map { number in
            try calls.start {
                begun.withLock { $0.append(number) }
                return { ended.signal() }
            }
        }
        #expect(!calls.abandon(queued[1]))
        gate.signal()
        for _ in 0..<3 { #expect(ended.wait(timeout: .now() + 30) == .success) }
        #expect(begun.withLock { $0 } == [0, 2, 3])
        #expect(calls.abandon(queued[3]))
    }

    @Test("completed calls do not raise the maximum number of concurrent calls")
    func noMoreThanAllowed() throws {
        let calls = LookupThreads(atMost: 1)
        for _ in 0..<3 { #expect(try calls.run(for: .seconds(30)) { 7 } == 7) }
        let gate = DispatchSemaphore(value: 0)
        #expect(throws: LookupThreads.Failure.timedOut(hasBegun: true)) {
            try calls.run(for: .zero) { gate.wait() }
        }
        #expect(throws: LookupThreads.Failure.timedOut(hasBegun: false)) {
            try calls.run(for: .zero) { 7 }
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
