import Glibc

/// What the program does when it is told to stop.
enum Signals {
    /// A client that is interrupted ends at once with 130, as shells expect.
    static func exitWhenInterrupted() {
        guard !isIgnored(SIGINT) else { return }
        // _exit is one of the few calls that a signal handler may make.
        signal(SIGINT) { _ in _exit(ExitStatus.interrupted.rawValue) }
        // A parent may start us from a thread that has all signals blocked.
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// A server that is interrupted or terminated runs `body` on a thread of its own, once; a
    /// second signal ends it at once.
    ///
    /// To be called before any other thread is started, because threads inherit what is blocked.
    static func whenToldToStop(_ body: @escaping @Sendable () -> Void) {
        let wanted = [SIGINT, SIGTERM].filter { !isIgnored($0) }
        guard !wanted.isEmpty else { return }
        for number in wanted {
            signal(number) { _ in _exit(ExitStatus.interrupted.rawValue) }
        }
        var set = sigset_t()
        sigemptyset(&set)
        for number in wanted { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        Worker.start {
            var set = sigset_t()
            sigemptyset(&set)
            for number in wanted { sigaddset(&set, number) }
            var received: Int32 = 0
            sigwait(&set, &received)
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            body()
        }
    }

    /// Whoever started the program with the signal ignored, as nohup does, wants it so.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        sigaction(number, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
