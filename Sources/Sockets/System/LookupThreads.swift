internal import Glibc
internal import SystemPackage

/// Threads for calls that cannot be interrupted, such as getaddrinfo(3), so that the caller can
/// stop waiting at its deadline.
package struct LookupThreads: Sendable {
    /// The threads for all lookups of the process.
    ///
    /// A name server that does not answer delays each lookup for seconds. The limit prevents a
    /// program that repeats lookups in a loop from filling its memory with stacks.
    package static let shared = LookupThreads(atMost: 64)

    private let maximum: Int
    private let running = Lock(0)

    /// Creates a set of threads for at most `maximum` calls at a time, including abandoned calls.
    package init(atMost maximum: Int) {
        self.maximum = maximum
    }

    /// Returns the result of `body`, or `nil` if `body` has not ended after `duration`.
    ///
    /// In that case `body` continues until it ends, and its result is dropped.
    ///
    /// - Throws: `EAGAIN` if too many calls are running, or if the system has no more threads.
    package func run<Result: Sendable>(
        for duration: Duration, _ body: @escaping @Sendable () -> Result
    ) throws(Errno) -> Result? {
        let slot = ResultSlot<Result>()
        try start {
            let result = body()
            return { slot.store(result) }
        }
        return slot.wait(for: duration)
    }

    /// Runs `body` on a new thread.
    ///
    /// The closure that `body` returns is called when the thread no longer counts towards the
    /// limit.
    ///
    /// - Throws: `EAGAIN` if too many calls are running, or if the system has no more threads.
    func start(_ body: @escaping @Sendable () -> () -> Void) throws(Errno) {
        let isAdmitted = running.withLock { running in
            guard running < maximum else { return false }
            running += 1
            return true
        }
        guard isAdmitted else { throw .resourceTemporarilyUnavailable }
        do throws(Errno) {
            try System.startThread { [running] in
                let end = body()
                // The slot is freed before the closure runs, because the closure may cause the next
                // call at once.
                running.withLock { $0 -= 1 }
                end()
            }
        } catch {
            running.withLock { $0 -= 1 }
            throw error
        }
    }
}

/// A slot in which one thread stores a result for another thread that waits.
private final class ResultSlot<Result>: @unchecked Sendable {
    // Safe: `result` is only accessed between lock and unlock. The mutex and the condition have
    // their own memory, so their addresses never change. The thread that drops the last reference
    // frees that memory.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let isStored: UnsafeMutablePointer<pthread_cond_t>
    private var result: Result?

    init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        isStored = .allocate(capacity: 1)
        isStored.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // The monotonic clock is used, because the default is the wall clock, which may be set
        // during the wait.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let code = pthread_mutex_init(mutex, nil) | pthread_cond_init(isStored, &attributes)
        precondition(code == 0, "pthread_cond_init failed")
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(isStored)
        isStored.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func store(_ result: Result) {
        pthread_mutex_lock(mutex)
        self.result = result
        pthread_cond_signal(isStored)
        pthread_mutex_unlock(mutex)
    }

    func wait(for duration: Duration) -> Result? {
        var end = Self.time(after: duration)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while result == nil {
            if pthread_cond_timedwait(isStored, mutex, &end) == ETIMEDOUT { break }
        }
        return result
    }

    private static func time(after duration: Duration) -> timespec {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let nanoseconds = Int64(now.tv_nsec) + max(0, duration.nanosecondsRoundedUp)
        return timespec(
            tv_sec: now.tv_sec + Int(nanoseconds / 1_000_000_000),
            tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}
