internal import Glibc
internal import SystemPackage

extension System {
    /// pthread_create(3): runs `body` on a detached thread.
    ///
    /// The thread receives no signals. Signals of the program are for its own threads, and SIGPIPE,
    /// which sendfile(2) and splice(2) raise, must not end the program.
    ///
    /// - Throws: `EAGAIN` if the system has no more threads.
    static func startThread(_ body: @escaping @Sendable () -> Void) throws(Errno) {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

        let job = Unmanaged.passRetained(Job(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { job in
                // Safe: retained above for this thread, which releases it exactly once.
                job.map { Unmanaged<Job>.fromOpaque($0).takeRetainedValue().body() }
                return nil
            }, job.toOpaque())
        guard code == 0 else {
            job.release()
            throw Errno(rawValue: code)
        }
        pthread_detach(thread)
    }

    /// pthread_self(3), for comparing threads.
    @inline(__always)
    static var currentThread: UInt { UInt(pthread_self()) }

    /// sysconf(3) with `_SC_NPROCESSORS_ONLN`: the number of processors, at least 1.
    static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
