import Glibc

/// Threads for calls that block.
enum Worker {
    /// Runs `body` on a detached thread.
    ///
    /// - Returns: True if the thread has started; false if the system has no more threads.
    @discardableResult
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        let box = Unmanaged.passRetained(Box(body))
        let code = withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { memory in
            guard let attributes = memory.baseAddress else { return ENOMEM }
            pthread_attr_init(attributes)
            defer { pthread_attr_destroy(attributes) }
            pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
            // 512 KiB are enough, because the call stacks of this program are short.
            pthread_attr_setstacksize(attributes, 512 << 10)
            var thread = pthread_t()
            return pthread_create(
                &thread, attributes,
                { argument in
                    guard let argument else { return nil }
                    // This call releases the reference that was retained above for this thread.
                    Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                    return nil
                }, box.toOpaque())
        }
        if code != 0 { box.release() }
        return code == 0
    }

    /// Runs `body` on a detached thread, and throws an error if the system has no more threads.
    static func startOrThrow(_ body: @escaping @Sendable () -> Void) throws(Failure) {
        guard start(body) else {
            throw Failure(.otherFailure, "cannot start a thread: the system has no more threads")
        }
    }

    /// Blocks the thread for a duration. nanosleep(2)
    static func sleep(for duration: Duration) {
        var time = timespec(duration)
        var rest = timespec()
        while nanosleep(&time, &rest) == -1, errno == EINTR { time = rest }
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

extension timespec {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    }
}
