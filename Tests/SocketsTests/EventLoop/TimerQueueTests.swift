import Testing

@testable import Sockets

@Suite("TimerQueue", .ownThread)
struct TimerQueueTests {
    /// Records its timers, and returns the instants that a test has set.
    private final class Recorder: TimerTarget {
        var fired: [(direction: EventSource.Direction, now: Int64)] = []
        var next: Int64?

        func timerFired(_ direction: EventSource.Direction, _ now: Int64) -> Int64? {
            fired.append((direction, now))
            defer { next = nil }
            return next
        }
    }

    @Test("wait(from:) returns nil for an empty queue")
    func empty() {
        var timers = TimerQueue()
        #expect(timers.wait(from: 7) == nil)
        #expect(timers.isEmpty)
        timers.fire(at: .max)
    }

    @Test("wait(from:) returns the time until the earliest timer, and 0 for a past timer")
    func wait() {
        var timers = TimerQueue()
        let recorder = Recorder()
        timers.insert(recorder, .reading, at: 500)
        timers.insert(recorder, .writing, at: 300)
        timers.insert(recorder, .reading, at: 400)
        #expect(timers.wait(from: 100) == 200)
        #expect(!timers.isEmpty)
        #expect(timers.wait(from: 300) == 0)
        #expect(timers.wait(from: 1_000) == 0)
    }

    @Test("timers fire in order, once each and never early")
    func order() {
        var timers = TimerQueue()
        let recorder = Recorder()
        for instant: Int64 in [50, 10, 40, 20, 30] {
            timers.insert(recorder, .writing, at: instant)
        }
        var left: [Int64?] = []
        for now: Int64 in [9, 10, 25, 30, 100] {
            timers.fire(at: now)
            left.append(timers.wait(from: 0))
        }
        #expect(left == [10, 20, 30, 40, nil])
        #expect(recorder.fired.map(\.now) == [10, 25, 30, 100, 100])
        #expect(recorder.fired.allSatisfy { $0.direction == .writing })
    }

    @Test("a timer releases its target after firing")
    func releasesTarget() {
        var timers = TimerQueue()
        var recorder: Recorder? = Recorder()
        weak let target = recorder
        let timer = recorder.map { timers.insert($0, .reading, at: 10) }
        recorder = nil
        #expect(target != nil)
        timers.fire(at: 10)
        #expect(target == nil)
        withExtendedLifetime(timer) {}
    }

    @Test("a timer whose target returns an instant fires again at that instant")
    func repeatedTimer() {
        var timers = TimerQueue()
        let recorder = Recorder()
        recorder.next = 80
        timers.insert(recorder, .reading, at: 10)
        timers.fire(at: 10)
        #expect(timers.wait(from: 10) == 70)
        timers.fire(at: 80)
        #expect(recorder.fired.map(\.now) == [10, 80])
        #expect(timers.wait(from: 0) == nil)
    }

    @Test("a cancelled timer does not fire and releases its target")
    func cancelling() {
        var timers = TimerQueue()
        weak var target: Recorder?
        do {
            let recorder = Recorder()
            let timer = timers.insert(recorder, .reading, at: 10)
            timer.cancel()
            target = recorder
            timers.fire(at: 10)
            #expect(recorder.fired.isEmpty)
            _ = timers.insert(recorder, .reading, at: 20)
            timers.insert(recorder, .reading, at: 30).cancel()
            timers.fire(at: 20)
            #expect(recorder.fired.map(\.now) == [20])
            #expect(target != nil)
        }
        #expect(target == nil)
        #expect(timers.wait(from: 20) == 10)
    }

    @Test("1,024 cancelled timers are removed and do not shorten wait(from:)")
    func waitAfterSweeping() {
        var timers = TimerQueue()
        let recorder = Recorder()
        for instant: Int64 in 1...1024 {
            timers.insert(recorder, .reading, at: instant).cancel()
        }
        timers.insert(recorder, .reading, at: 10_000)
        #expect(timers.wait(from: 0) == 10_000)
    }

    @Test("the queue removes cancelled timers before they are due and fires all other timers")
    func sweeping() {
        var timers = TimerQueue()
        let recorder = Recorder()
        timers.insert(recorder, .reading, at: 7)
        for instant: Int64 in 1000..<101_000 {
            timers.insert(Recorder(), .reading, at: instant).cancel()
        }
        #expect(timers.count <= 1025)
        #expect(timers.wait(from: 0) == 7)
        let others = (0..<3000).map { _ in Recorder() }
        for other in others { timers.insert(other, .writing, at: 600) }
        timers.fire(at: 600)
        #expect(recorder.fired.map(\.direction) == [.reading])
        #expect(others.allSatisfy { $0.fired.count == 1 })
    }
}
