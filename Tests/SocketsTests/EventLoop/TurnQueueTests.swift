import Synchronization
import Testing

@testable import Sockets

extension TurnQueue {
    /// Whether a task has the turn.
    var isTaken: Bool { state.load(ordering: .acquiring) != Self.free }

    /// The number of tasks that wait for their turn.
    var waiterCount: Int { waiters.withLock { Array($0).count } }
}

extension Connection {
    /// Whether a task is reading.
    var isReading: Bool { source.isReading.load(ordering: .acquiring) }

    /// Whether a task is writing.
    var isWriting: Bool { source.writers.isTaken }
}

@Suite("TurnQueue", .ownThread)
struct TurnQueueTests {
    /// A queue that tasks can share.
    private final class Turns: Sendable {
        let queue = TurnQueue()
        let loop = LoopGroup.shared.loops[0]
        let isClosed = Lock(false)

        // The macro `#expect` takes no noncopyable values.
        var isTaken: Bool { queue.isTaken }
        var waiterCount: Int { queue.waiterCount }
        func take() -> Bool { queue.take() }

        func wait(_ limit: TimeLimit = .never) async throws(WaitFailure) {
            var deadline = Deadline(limit)
            if queue.take() { return }
            try await queue.wait(until: &deadline, on: loop) { isClosed.withLock { $0 } }
        }

        /// Starts a task that waits for its turn.
        func enqueue(
            _ body: @escaping @Sendable (Turns) async throws -> Void
        ) async -> Task<Void, any Error> {
            let before = queue.waiterCount
            let task = Task { try await body(self) }
            while queue.waiterCount == before { await Task.yield() }
            return task
        }
    }

    @Test("take succeeds if the turn is free, and fails while a task has the turn")
    func exclusive() async throws {
        let turns = Turns()
        #expect(!turns.isTaken)
        #expect(turns.take())
        #expect(!turns.take())
        turns.queue.end()
        try await turns.wait()
        #expect(turns.isTaken)
        turns.queue.end()
        #expect(!turns.isTaken)
    }

    @Test("tasks get the turn in the order in which they came")
    func order() async throws {
        let turns = Turns()
        #expect(turns.take())
        let order = Lock<[Int]>([])
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<20 {
            tasks.append(
                await turns.enqueue { turns in
                    try await turns.wait()
                    order.withLock { $0.append(number) }
                    turns.queue.end()
                })
        }
        turns.queue.end()
        for task in tasks { try await task.value }
        #expect(order.withLock { $0 } == Array(0..<20))
        #expect(!turns.isTaken)
    }

    @Test("a task that leaves the queue does not keep the turn from the others")
    func leaving() async throws {
        let turns = Turns()
        #expect(turns.take())
        let first = await turns.enqueue { try await $0.wait() }
        let late = await turns.enqueue { try await $0.wait(.milliseconds(20)) }
        first.cancel()
        #expect(await first.cause == .cancelled)
        #expect(await late.cause == .timedOut(limit: .milliseconds(20)))
        turns.queue.end()
        #expect(!turns.isTaken)
    }

    @Test("wakeAll ends all waits for the turn after a close")
    func closing() async throws {
        let turns = Turns()
        #expect(turns.take())
        let tasks = [
            await turns.enqueue { try await $0.wait() },
            await turns.enqueue { try await $0.wait(.seconds(60)) },
        ]
        turns.isClosed.withLock { $0 = true }
        turns.queue.wakeAll()
        for task in tasks { #expect(await task.cause == .closed) }
        turns.queue.end()
        #expect(!turns.isTaken)
    }

    @Test("under contention, each turn is exclusive even if tasks are cancelled or time out")
    func contention() async throws {
        let turns = Turns()
        let inside = Lock(0)
        let counts = Lock((done: 0, failed: 0))
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<16 {
                group.addTask {
                    for round in 0..<200 {
                        let attempt = Task {
                            try await turns.wait(
                                number % 3 == 0 ? TimeLimit(.microseconds(50)) : .never)
                            let isAlone = inside.withLock { inside in
                                inside += 1
                                return inside == 1
                            }
                            #expect(isAlone)
                            if round % 8 == 0 { await Task.yield() }
                            inside.withLock { $0 -= 1 }
                            turns.queue.end()
                        }
                        if number % 3 == 1, round % 2 == 0 { attempt.cancel() }
                        let isDone = await attempt.cause == nil
                        counts.withLock { if isDone { $0.done += 1 } else { $0.failed += 1 } }
                    }
                }
            }
        }
        #expect(counts.withLock { $0.done + $0.failed } == 16 * 200)
        #expect(!turns.isTaken)
        #expect(turns.waiterCount == 0)
    }
}

extension Task where Success == Void, Failure == any Error {
    /// Waits for the task, and returns the cause of its failure.
    fileprivate var cause: SocketError.Cause? {
        get async {
            guard case .failure(let error) = await result else { return nil }
            return (error as? WaitFailure)?.cause
        }
    }
}
