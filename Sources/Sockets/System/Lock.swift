internal import Glibc

/// A value that is protected by a `pthread_mutex_t`.
///
/// The thread sanitizer does not understand the futex of `Synchronization.Mutex` and reports false
/// races for it.
package final class Lock<Value>: @unchecked Sendable {
    // Safe: `value` is only accessed between lock and unlock, and the mutex has memory of its own,
    // so it never moves.
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
