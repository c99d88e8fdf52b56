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
    package init(atMost maximum: Int) { self.maximum = maximum }

    /// Returns the result of `body`, or `nil` if `body` has not ended after `duration`.
    ///
    /// In that case `body` continues until it ends, and its result is dropped.
    ///
    /// - Throws: `EAGAIN` if too many calls are running, or if the system has no more threads.
    package func run<Result: Sendable>(
        for duration: Duration, _ body: @escaping @Sendable () -> Result
    ) throws(Errno) -> Result? {
        let result = Monitor<Result?>(nil)
        try start {
            let value = body()
            return { result.update { $0 = value } }
        }
        result.wait(atMost: duration) { $0 != nil }
        return result.update { $0 }
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
