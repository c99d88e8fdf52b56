import Glibc
import Sockets

/// The handling of signals.
enum Signals {
    /// The signals that end a program by default, except SIGKILL, SIGPIPE and those that report a
    /// crash. signal(7)
    private static let requestsToEnd =
        [
            SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGPOLL, SIGPWR,
            SIGSTKFLT, SIGXCPU, SIGXFSZ,
        ] + Array(__libc_current_sigrtmin()...__libc_current_sigrtmax())

    /// Unblocks all signals and ignores SIGPIPE, at the start of the program.
    ///
    /// The parent may have started the program with blocked signals. SIGPIPE is ignored, so that
    /// `endAfterBrokenPipe` can clean up first. SIGQUIT gets its default action, because the Swift
    /// runtime would otherwise print a crash report.
    static func prepare() {
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        if !isIgnored(SIGPIPE) {
            signal(SIGPIPE, SIG_IGN)
            endsAfterBrokenPipe.update { $0 = true }
        }
        if !isIgnored(SIGQUIT) { signal(SIGQUIT, SIG_DFL) }
    }

    private static let endsAfterBrokenPipe = Monitor(false)

    /// Ends the program by SIGPIPE after a write to a closed pipe, unless SIGPIPE was ignored when
    /// the program started.
    static func endAfterBrokenPipe() {
        if endsAfterBrokenPipe.update({ $0 }) { Termination.raise(SIGPIPE) }
    }

    /// Runs `body` once on a separate thread after SIGINT, SIGTERM, SIGHUP or another signal that
    /// ends a program by default.
    ///
    /// If `body` has not ended the program within `limit`, or if a second signal arrives, the
    /// program ends without waiting for `body`. Each SIGQUIT runs `status`. Call this function
    /// before any other thread starts, because threads inherit the blocked signals.
    static func onTermination(
        within limit: Duration, status: (@Sendable () -> Void)? = nil,
        _ body: @escaping @Sendable () -> Void
    ) {
        handle(requestsToEnd, within: limit, status, body)
    }

    /// Runs `status` on a separate thread for each SIGQUIT (Ctrl-\ on a terminal).
    ///
    /// The program continues. Call this function before any other thread starts, because threads
    /// inherit the blocked signals.
    static func onStatusRequest(_ status: @escaping @Sendable () -> Void) {
        handle([], within: .zero, status) {}
    }

    /// Starts one thread that waits for the signals in `terminations` and for SIGQUIT.
    private static func handle(
        _ terminations: [Int32], within limit: Duration, _ status: (@Sendable () -> Void)?,
        _ body: @escaping @Sendable () -> Void
    ) {
        let numbers = (terminations + (status == nil ? [] : [SIGQUIT])).filter { !isIgnored($0) }
        guard !numbers.isEmpty else { return }
        var set = sigset(numbers)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let hasStarted = Worker.start {
            let first = waitForTermination(numbers, status, atMost: nil) ?? SIGTERM
            Termination.record(signal: first)
            Worker.start(body)
            if let second = waitForTermination(numbers, status, atMost: limit) {
                Termination.raise(second)
            }
            Termination.exit(.success)
        }
        // Without the thread nothing waits for the signals, so unblock them to restore their
        // default actions.
        if !hasStarted { pthread_sigmask(SIG_UNBLOCK, &set, nil) }
    }

    /// Waits for a signal that requests the end of the program, and runs `status` for each SIGQUIT.
    ///
    /// - Returns: The signal, or nil if `limit` has passed.
    private static func waitForTermination(
        _ numbers: [Int32], _ status: (@Sendable () -> Void)?, atMost limit: Duration?
    ) -> Int32? {
        var set = sigset(numbers)
        let end = limit.map { ContinuousClock.now + $0 }
        while true {
            var received: Int32 = 0
            if let end {
                let rest = max(.zero, ContinuousClock.now.duration(to: end))
                var time = timespec(rest)
                received = sigtimedwait(&set, nil, &time)
                if received < 0, errno == EAGAIN { return nil }
            } else {
                sigwait(&set, &received)
            }
            guard received == SIGQUIT else {
                if received > 0 { return received }
                continue
            }
            // Use another thread, because sampling takes a while and SIGTERM may arrive meanwhile.
            if let status { Worker.start(status) }
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
