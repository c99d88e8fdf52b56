internal import Glibc

/// A value that is protected by a `pthread_mutex_t`.
///
/// `Synchronization.Mutex` is not used, because the thread sanitizer does not understand its futex
/// and reports false races.
package class Lock<Value>: @unchecked Sendable {
    // Safe: `value` is only accessed between lock and unlock, and the mutex has its own memory, so
    // its address never changes.
    fileprivate final let mutex: UnsafeMutablePointer<pthread_mutex_t>
    fileprivate final var value: Value

    package init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "pthread_mutex_init failed")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @discardableResult
    package final func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}

/// A lock with a condition variable, for threads that wait until the value satisfies a condition.
package final class Monitor<Value>: Lock<Value>, @unchecked Sendable {
    // The condition variable is allocated separately, so its address never changes.
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package override init(_ value: Value) {
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Use the monotonic clock. The default is the wall clock, and setting that clock would
        // change how long a wait lasts.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let code = pthread_cond_init(condition, &attributes)
        precondition(code == 0, "pthread_cond_init failed")
        pthread_condattr_destroy(&attributes)
        super.init(value)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    /// Reads or changes the value, and wakes the waiting threads to recheck their conditions.
    @discardableResult
    package func update<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { pthread_cond_broadcast(condition) }
        return try withLock(body)
    }

    /// Waits until the value satisfies a condition.
    ///
    /// - Parameters:
    ///   - limit: The longest time to wait, or nil to wait without a limit.
    ///   - isTrue: The condition.
    /// - Returns: Whether the value satisfies the condition; false if the limit has passed first.
    @discardableResult
    package func wait(atMost limit: Duration? = nil, until isTrue: (Value) -> Bool) -> Bool {
        var end = timespec(after: limit ?? .zero)
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
    /// Creates the time on the monotonic clock that is `limit` after now.
    fileprivate init(after limit: Duration) {
        self.init()
        clock_gettime(CLOCK_MONOTONIC, &self)
        let nanoseconds = Int64(tv_nsec) + max(0, limit.nanosecondsRoundedUp)
        tv_sec += Int(nanoseconds / 1_000_000_000)
        tv_nsec = Int(nanoseconds % 1_000_000_000)
    }
}
