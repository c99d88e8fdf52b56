internal import Glibc

/// A value that is protected by a `pthread_mutex_t`.
///
/// `Synchronization.Mutex` is not used, because the thread sanitizer does not understand its futex
/// and reports false races.
package final class Lock<Value>: @unchecked Sendable {
    // Safe: `value` is only accessed between lock and unlock, and the mutex has its own memory, so
    // its address never changes.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

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
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
