import Foundation

/// Runs jobs one after another on one thread.
final class ThreadExecutor: TaskExecutor, @unchecked Sendable {
    // Safe because the jobs and the flag are touched only while the condition is locked.
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
