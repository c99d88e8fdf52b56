internal import Glibc
internal import SystemPackage

extension System {
    /// Runs `body` on a detached thread: pthread_create(3).
    ///
    /// The thread blocks all signals, because the program's signals are for the program's own
    /// threads. This also prevents SIGPIPE, which sendfile(2) raises, from ending the program.
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
                // Safe: the job was retained above for this thread, which releases it exactly once.
                job.map { Unmanaged<Job>.fromOpaque($0).takeRetainedValue().body() }
                return nil
            }, job.toOpaque())
        guard code == 0 else {
            job.release()
            throw Errno(rawValue: code)
        }
        pthread_detach(thread)
    }

    /// The identity of the calling thread, for comparisons: pthread_self(3).
    @inline(__always)
    static var currentThread: UInt { UInt(pthread_self()) }

    /// Lets another thread run first: sched_yield(2).
    static func yieldThread() { sched_yield() }

    /// The number of processors, at least 1: sysconf(3) with `_SC_NPROCESSORS_ONLN`.
    static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
