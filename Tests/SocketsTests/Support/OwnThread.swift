import Foundation
import Testing

/// Runs each test of a suite on a thread of its own: for tests whose calls block.
///
/// A blocking call must not stand on the shared pool, which has a thread for each core and runs all
/// the other tests. A few of these tests run at once, so that they do not crowd out each other.
struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        await Turnstile.shared.enter()
        let executor = ThreadExecutor()
        let outcome: Result<Void, any Error>
        do {
            try await withTaskExecutorPreference(executor) { try await function() }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        executor.stop()
        await Turnstile.shared.leave()
        try outcome.get()
    }
}

extension Trait where Self == OwnThread {
    /// See `OwnThread`.
    static var ownThread: OwnThread { OwnThread() }
}

/// Lets so many in at once.
private actor Turnstile {
    static let shared = Turnstile(places: 6)

    private var places: Int
    private var queue: [CheckedContinuation<Void, Never>] = []

    init(places: Int) { self.places = places }

    func enter() async {
        if places > 0 {
            places -= 1
        } else {
            await withCheckedContinuation { queue.append($0) }
        }
    }

    func leave() {
        if queue.isEmpty {
            places += 1
        } else {
            queue.removeFirst().resume()
        }
    }
}

/// Runs jobs one after the other, on one thread.
private final class ThreadExecutor: TaskExecutor, @unchecked Sendable {
    // Safe: the jobs and the flag are touched only while the condition is locked.
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    private var isStopping = false

    init() {
        let thread = Thread { [self] in run() }
        thread.stackSize = 2 << 20
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    func stop() {
        condition.withLock {
            isStopping = true
            condition.signal()
        }
    }

    private func run() {
        while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob? {
        condition.withLock {
            while jobs.isEmpty {
                if isStopping { return nil }
                condition.wait()
            }
            return jobs.removeFirst()
        }
    }
}
