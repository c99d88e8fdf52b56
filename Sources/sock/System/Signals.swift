import Glibc

/// The handling of signals.
enum Signals {
    /// Makes SIGINT end the program at once with status 130, as shells expect.
    static func exitWhenInterrupted() {
        guard !isIgnored(SIGINT) else { return }
        // Use _exit, because it is one of the few functions that a signal handler may call.
        signal(SIGINT) { _ in _exit(ExitStatus.interrupted.rawValue) }
        // A parent may have started this program with all signals blocked, so unblock SIGINT.
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Sets the status with which SIGINT ends the program from now on.
    ///
    /// Call it after `exitWhenInterrupted`.
    static func setStatusWhenInterrupted(_ status: ExitStatus) {
        guard !isIgnored(SIGINT) else { return }
        if status == .success {
            signal(SIGINT) { _ in _exit(ExitStatus.success.rawValue) }
        } else {
            signal(SIGINT) { _ in _exit(ExitStatus.stuck.rawValue) }
        }
    }

    /// Runs `body` once on a separate thread after SIGINT or SIGTERM.
    ///
    /// A second signal ends the program at once. Each SIGQUIT runs `status`. Call this function
    /// before any other thread starts, because threads inherit the blocked signals.
    static func onTermination(
        status: (@Sendable () -> Void)? = nil, _ body: @escaping @Sendable () -> Void
    ) {
        let terminations = [SIGINT, SIGTERM].filter { !isIgnored($0) }
        for number in terminations {
            signal(number) { _ in _exit(ExitStatus.interrupted.rawValue) }
        }
        wait(for: terminations, body, status)
    }

    /// Runs `status` on a separate thread for each SIGQUIT (Ctrl-\ on a terminal).
    ///
    /// The program continues. Call this function before any other thread starts, because threads
    /// inherit the blocked signals.
    static func onStatusRequest(_ status: @escaping @Sendable () -> Void) {
        wait(for: [], {}, status)
    }

    /// Starts one thread that waits for the terminations and for SIGQUIT.
    private static func wait(
        for terminations: [Int32], _ body: @escaping @Sendable () -> Void,
        _ status: (@Sendable () -> Void)?
    ) {
        let numbers =
            status == nil || isIgnored(SIGQUIT) ? terminations : terminations + [SIGQUIT]
        guard !numbers.isEmpty else { return }
        var set = sigset(numbers)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        Worker.start {
            var set = sigset(numbers)
            var received: Int32 = 0
            repeat {
                sigwait(&set, &received)
                // Sampling takes a while and SIGTERM may arrive meanwhile, so another thread runs
                // `status`.
                if received == SIGQUIT, let status { Worker.start(status) }
            } while received == SIGQUIT
            set = sigset(terminations)
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            body()
        }
    }

    private static func sigset(_ numbers: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in numbers { sigaddset(&set, number) }
        return set
    }

    /// Returns whether the program was started with the signal ignored.
    ///
    /// A parent such as nohup ignores a signal for its child, so the child must not change that.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        sigaction(number, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
