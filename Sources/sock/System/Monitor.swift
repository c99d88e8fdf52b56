import Glibc

/// A value behind a mutex, with a condition variable to wait for changes.
///
/// It is safe to share because the value is used only while the mutex is locked. The mutex and the
/// condition variable are allocated separately, so their addresses never change.
final class Monitor<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)

        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // The default is the wall clock, and setting that clock would change how long a wait lasts.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Reads or changes the value, and wakes the waiting threads to recheck their conditions.
    @discardableResult
    func update<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Waits until the value satisfies a condition.
    ///
    /// - Parameters:
    ///   - limit: The longest time to wait, or nil to wait without a limit.
    ///   - isTrue: The condition.
    /// - Returns: Whether the value satisfies the condition; false if the limit has passed first.
    @discardableResult
    func wait(atMost limit: Duration? = nil, until isTrue: (Value) -> Bool) -> Bool {
        var end = timespec()
        if let limit { end = timespec(whenItIsOverIn: limit) }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isTrue(value) {
            if limit == nil {
                pthread_cond_wait(condition, mutex)
            } else if pthread_cond_timedwait(condition, mutex, &end) == ETIMEDOUT {
                return isTrue(value)
            }
        }
        return true
    }
}

extension timespec {
    fileprivate init(whenItIsOverIn limit: Duration) {
        self.init()
        clock_gettime(CLOCK_MONOTONIC, &self)
        let (seconds, attoseconds) = limit.components
        let nanoseconds = tv_nsec + Int(attoseconds / 1_000_000_000)
        tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        tv_nsec = nanoseconds % 1_000_000_000
    }
}
