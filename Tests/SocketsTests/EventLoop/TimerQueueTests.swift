import Testing

@testable import Sockets

@Suite("TimerQueue", .ownThread)
struct TimerQueueTests {
    /// Notes what it is told, and asks for what it was given.
    private final class Recorder: TimerTarget {
        var fired: [(direction: EventSource.Direction, instant: Int64, now: Int64)] = []
        var next: Int64?
        /// The only instant that counts; nil if all do.
        var only: Int64?

        func awaits(_: EventSource.Direction, _ instant: Int64) -> Bool {
            only == nil || only == instant
        }

        func timerFired(
            _ direction: EventSource.Direction, _ instant: Int64, _ now: Int64
        ) -> Int64? {
            fired.append((direction, instant, now))
            defer { next = nil }
            return next
        }
    }

    @Test("without an entry there is nothing to wait for")
    func empty() {
        var timers = TimerQueue()
        #expect(timers.wait(from: 7) == nil)
        timers.fire(at: .max)
    }

    @Test("the wait is as long as the soonest entry is away, and never less than nothing")
    func wait() {
        var timers = TimerQueue()
        let recorder = Recorder()
        timers.insert(recorder, .reading, at: 500)
        timers.insert(recorder, .writing, at: 300)
        timers.insert(recorder, .reading, at: 400)
        #expect(timers.wait(from: 100) == 200)
        #expect(timers.wait(from: 300) == 0)
        #expect(timers.wait(from: 1_000) == 0)
    }

    @Test("entries fire in their order, each once, and none before its time")
    func order() {
        var timers = TimerQueue()
        let recorder = Recorder()
        for instant: Int64 in [50, 10, 40, 20, 30] {
            timers.insert(recorder, .writing, at: instant)
        }
        timers.fire(at: 9)
        #expect(recorder.fired.isEmpty)
        timers.fire(at: 30)
        #expect(recorder.fired.map(\.instant) == [10, 20, 30])
        #expect(recorder.fired.allSatisfy { $0.direction == .writing && $0.now == 30 })
        timers.fire(at: 100)
        #expect(recorder.fired.map(\.instant) == [10, 20, 30, 40, 50])
        #expect(timers.wait(from: 0) == nil)
    }

    @Test("a target whose deadline has moved is put back, and told again")
    func putBack() {
        var timers = TimerQueue()
        let recorder = Recorder()
        recorder.next = 80
        timers.insert(recorder, .reading, at: 10)
        timers.fire(at: 10)
        #expect(timers.wait(from: 10) == 70)
        timers.fire(at: 80)
        #expect(recorder.fired.map(\.instant) == [10, 80])
        #expect(timers.wait(from: 0) == nil)
    }

    @Test("a target does not stay in memory for its deadline")
    func weak() {
        var timers = TimerQueue()
        weak var target: Recorder?
        do {
            let recorder = Recorder()
            timers.insert(recorder, .reading, at: 10)
            target = recorder
            #expect(target != nil)
        }
        #expect(target == nil)
        timers.fire(at: 10)
        #expect(timers.wait(from: 0) == nil)
    }

    @Test("entries of those that have gone do not pile up until their time comes")
    func gone() {
        var timers = TimerQueue()
        let recorder = Recorder()
        timers.insert(recorder, .reading, at: 7)
        for instant: Int64 in 1000..<101_000 { timers.insert(Recorder(), .reading, at: instant) }
        #expect(timers.count <= 1024)
        timers.fire(at: 7)
        #expect(recorder.fired.map(\.instant) == [7])
    }

    @Test("entries in whose place another has come do not pile up, and those that count all fire")
    func replaced() {
        var timers = TimerQueue()
        let recorder = Recorder()
        recorder.only = 500
        for instant: Int64 in 501..<100_000 { timers.insert(recorder, .writing, at: instant) }
        timers.insert(recorder, .writing, at: 500)
        #expect(timers.count <= 1025)
        #expect(timers.wait(from: 0) == 500)
        let others = (0..<3000).map { _ in Recorder() }
        for other in others { timers.insert(other, .reading, at: 600) }
        timers.fire(at: 600)
        #expect(recorder.fired.contains { $0.instant == 500 })
        #expect(others.allSatisfy { $0.fired.count == 1 })
    }
}
