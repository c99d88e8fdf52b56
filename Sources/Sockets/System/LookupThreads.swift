internal import Glibc
internal import SystemPackage

/// Runs calls that nothing can interrupt, such as getaddrinfo(3), on threads of their own, so that
/// whoever waits for one can leave when its time is over.
package struct LookupThreads: Sendable {
    /// The look-ups of names of the whole program.
    ///
    /// A name server that is silent holds each for seconds; a program that asks it in a loop must
    /// not fill its memory with stacks.
    package static let lookups = LookupThreads(atMost: 64)

    private let maximum: Int
    private let running = Lock(0)

    /// Admits so many calls at once, the abandoned ones among them.
    package init(atMost maximum: Int) {
        self.maximum = maximum
    }

    /// The result of `body`; nil when it has not ended after `duration`.
    ///
    /// It goes on then until it ends by itself, and its result is dropped.
    ///
    /// - Throws: `EAGAIN` when too many calls run already, or the system has no more threads.
    package func run<Result: Sendable>(
        for duration: Duration, _ body: @escaping @Sendable () -> Result
    ) throws(Errno) -> Result? {
        let meeting = Meeting<Result>()
        try start {
            let result = body()
            return { meeting.arrive(with: result) }
        }
        return meeting.wait(for: duration)
    }

    /// Runs `body` on a thread, and then, when the thread no longer counts, what it returns.
    ///
    /// - Throws: as `run`.
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
                // Before the result is handed over: whoever has it may run the next call at once.
                running.withLock { $0 -= 1 }
                end()
            }
        } catch {
            running.withLock { $0 -= 1 }
            throw error
        }
    }
}

/// Where the thread that calls leaves the result, and the one that waits finds it.
private final class Meeting<Result>: @unchecked Sendable {
    // Safe: `result` is touched only between lock and unlock; mutex and condition never move
    // because they live in memory of their own, which the last of the two threads frees.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let arrived: UnsafeMutablePointer<pthread_cond_t>
    private var result: Result?

    init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        arrived = .allocate(capacity: 1)
        arrived.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // The default is the wall clock, which somebody may set while we wait.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let code = pthread_mutex_init(mutex, nil) | pthread_cond_init(arrived, &attributes)
        precondition(code == 0, "pthread_cond_init failed")
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(arrived)
        arrived.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func arrive(with result: Result) {
        pthread_mutex_lock(mutex)
        self.result = result
        pthread_cond_signal(arrived)
        pthread_mutex_unlock(mutex)
    }

    func wait(for duration: Duration) -> Result? {
        var end = Self.moment(after: duration)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while result == nil {
            if pthread_cond_timedwait(arrived, mutex, &end) == ETIMEDOUT { break }
        }
        return result
    }

    private static func moment(after duration: Duration) -> timespec {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let nanoseconds = Int64(now.tv_nsec) + max(0, duration.nanosecondsRoundedUp)
        return timespec(
            tv_sec: now.tv_sec + Int(nanoseconds / 1_000_000_000),
            tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}
