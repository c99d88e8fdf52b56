import Glibc

/// Threads, because every call on a blocking socket blocks one.
enum Worker {
    /// Runs `body` on a thread of its own, which nobody waits for; false if the system has no more.
    @discardableResult
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        let box = Unmanaged.passRetained(Box(body))
        let code = withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { memory in
            guard let attributes = memory.baseAddress else { return ENOMEM }
            pthread_attr_init(attributes)
            defer { pthread_attr_destroy(attributes) }
            pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
            // Small, so that thousands of callers fit; the frames here are shallow.
            pthread_attr_setstacksize(attributes, 512 << 10)
            var thread = pthread_t()
            return pthread_create(
                &thread, attributes,
                { argument in
                    guard let argument else { return nil }
                    // Balanced: retained above, released here exactly once.
                    Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                    return nil
                }, box.toOpaque())
        }
        if code != 0 { box.release() }
        return code == 0
    }

    /// Does nothing for so long. nanosleep(2)
    static func sleep(for duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var wanted = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        var rest = timespec()
        while nanosleep(&wanted, &rest) == -1, errno == EINTR { wanted = rest }
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
