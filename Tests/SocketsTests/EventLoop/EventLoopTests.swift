import Foundation
import Glibc
import Synchronization
import Testing

@testable import Sockets

@Suite("EventLoop", .ownThread)
struct EventLoopTests {
    @Test("a task that prefers a loop runs on the loop's thread before and after a suspension")
    func preference() async throws {
        let group = try LoopGroup(loops: 1)
        let loop = group.loops[0]
        #expect(!loop.isCurrent)
        await Task(executorPreference: loop) {
            #expect(loop.isCurrent)
            await Task.yield()
            #expect(loop.isCurrent)
            await Task { #expect(!loop.isCurrent) }.value
            #expect(loop.isCurrent)
        }.value
    }

    @Test("a loop runs all jobs that other threads enqueue")
    func jobsOfOtherThreads() async throws {
        let group = try LoopGroup(loops: 2)
        let count = Counter()
        await withTaskGroup(of: Void.self) { tasks in
            for number in 0..<2_000 {
                tasks.addTask(executorPreference: group.loops[number % 2]) {
                    await Task.yield()
                    count.value.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(count.now == 2_000)
    }

    @Test("perform runs a closure on the loop's thread, and at once if called on that thread")
    func closures() async throws {
        let group = try LoopGroup(loops: 1)
        let isThere = await withCheckedContinuation { continuation in
            group.loops[0].perform { loop in
                var isAtOnce = false
                // This access is not concurrent, because a closure from the loop itself has run
                // when `perform` returns.
                withUnsafeMutablePointer(to: &isAtOnce) { flag in
                    nonisolated(unsafe) let flag = flag
                    loop.perform { _ in flag.pointee = true }
                }
                continuation.resume(returning: loop.isCurrent && isAtOnce)
            }
        }
        #expect(isThere)
    }

    #if DEBUG
        @Test("100 wakes of a busy loop write to its eventfd at most once")
        func coalescing() async throws {
            let group = try LoopGroup(loops: 1)
            let loop = group.loops[0]
            let (hasBegun, mayGoOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let done = DispatchSemaphore(value: 0)
            loop.perform { _ in
                hasBegun.signal()
                mayGoOn.wait()
            }
            try await Background {
                hasBegun.wait()
                let writes = FaultInjection([.write: Array(repeating: .pass, count: 100)])
                FaultInjection.$current.withValue(writes) {
                    for _ in 0..<100 { loop.perform { _ in done.signal() } }
                }
                #expect(writes.remaining(of: .write) >= 99)
                mayGoOn.signal()
                for _ in 0..<100 { done.wait() }
            }.result()
        }
    #endif

    @Test("a task that outlives its preferred loop still resumes after each of 100,000 yields")
    func outliving() async throws {
        let group = try LoopGroup(loops: 1)
        let loop = group.loops[0]
        let wakeup = Wakeup()
        wakeup.reset()
        let task = Task(executorPreference: loop) {
            await wakeup.wait(on: LoopGroup.shared.loops[0])
            var turns = 0
            while turns < 100_000 {
                await Task.yield()
                turns += 1
            }
            return turns
        }
        group.shutdown()
        try await Background { while !loop.hasStopped { sched_yield() } }.result()
        wakeup.wake()
        #expect(await task.value == 100_000)
    }

    @Test("a loop is deallocated after its group is released")
    func memory() async throws {
        weak var loop: EventLoop?
        do {
            let group = try LoopGroup(loops: 1)
            loop = group.loops[0]
            await Task(executorPreference: group.loops[0]) {}.value
        }
        let deadline = ContinuousClock.now + .seconds(10)
        while loop != nil, ContinuousClock.now < deadline { await Task.yield() }
        #expect(loop == nil)
    }

    /// A `withTimeLimit` changes how the loop counts operations.
    @Test(
        "a newly ready task waits for at most 32 operations of each task that is always ready",
        arguments: [TimeLimit.never, .seconds(600)])
    func fairness(within limit: TimeLimit) async throws {
        let worst = try await withTimeLimit(limit) { try await longestWait() }
        #expect(worst <= 32)
        #expect(worst > 0)
    }

    /// Returns the largest number of operations that one of two flooding tasks made while a third
    /// task was ready.
    ///
    /// The flooding tasks always find something to read. The count begins when the third task's
    /// socket becomes readable, and ends when that task reads.
    private func longestWait() async throws -> Int {
        let group = try LoopGroup(loops: 1)
        let loop = group.loops[0]
        let (polite, client) = try Connection.pair(group: group)
        let counts = [Counter(), Counter()]
        let (isOver, isAsking) = (Counter(), Counter())
        // The counts of the flooders when the third task's socket becomes ready.
        let atReadiness = Lock<[Int]?>(nil)

        let flooders = try (0..<2).map { number in
            let (flooder, _) = try Connection.pair(group: group)
            return Task(executorPreference: loop) {
                var never = Deadline(.never)
                while isOver.now == 0 {
                    try await flooder.source.perform(.reading, &never) { _ throws(Errno) in
                        flooder.source.reading.word.setReady()
                    }
                    let mine = counts[number].value.add(1, ordering: .relaxed).newValue
                    guard number == 0, mine % 97 == 0, isAsking.now == 1 else { continue }
                    isAsking.value.store(0, ordering: .relaxed)
                    atReadiness.withLock { $0 = counts.map(\.now) }
                    _ = try System.send(client.source.descriptor, "x")
                }
            }
        }
        let worst = try await Task(executorPreference: loop) {
            var worst = 0
            for _ in 0..<100 {
                // No other task runs on this thread before the read waits.
                isAsking.value.store(1, ordering: .relaxed)
                _ = try await polite.read(atMost: 1)
                let before = try #require(atReadiness.withLock { $0.take() })
                for (now, before) in zip(counts.map(\.now), before) {
                    worst = max(worst, now - before)
                }
            }
            isOver.value.store(1, ordering: .relaxed)
            return worst
        }.value
        for flooder in flooders { try await flooder.value }
        return worst
    }

    @Test("a loop with an idle connection uses less than 5 ms of processor time in 500 ms")
    func idle() async throws {
        let group = try LoopGroup(loops: 1)
        let (idle, peer) = try Connection.pair(group: group)
        let reading = Task(executorPreference: group.loops[0]) { try await idle.read() }
        let (begin, end) = try await Background {
            let begin = Self.processorTime(of: group.loops[0])
            // Poll waits for an event that does not come.
            _ = poll(nil, 0, 500)
            return (begin, Self.processorTime(of: group.loops[0]))
        }.result()
        // The measurement itself costs the loop a turn.
        #expect(end > 0)
        #expect(end - begin < 5_000_000)
        try await peer.write("x")
        #expect(try await reading.value == [0x78])
    }

    /// Returns the processor time of a loop's thread in nanoseconds, or 0 if it is unknown.
    private static func processorTime(of loop: EventLoop) -> Int64 {
        let done = DispatchSemaphore(value: 0)
        let result = Atomic<Int64>(0)
        loop.perform { _ in
            let figures = try? String(
                contentsOfFile: "/proc/thread-self/schedstat", encoding: .utf8)
            let used = figures?.split(separator: " ").first.flatMap { Int64($0) }
            result.store(used ?? 0, ordering: .releasing)
            done.signal()
        }
        done.wait()
        return result.load(ordering: .acquiring)
    }
}

/// A counter in an object, so that an array can hold several.
private final class Counter: Sendable {
    let value = Atomic<Int>(0)
    var now: Int { value.load(ordering: .relaxed) }
}
