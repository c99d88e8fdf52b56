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

    /// What an interruption means from now on, for a program whose answer is its status.
    ///
    /// To be called after `exitWhenInterrupted`.
    static func setStatusWhenInterrupted(_ status: ExitStatus) {
        guard !isIgnored(SIGINT) else { return }
        if status == .success {
            signal(SIGINT) { _ in _exit(ExitStatus.success.rawValue) }
        } else {
            signal(SIGINT) { _ in _exit(ExitStatus.stuck.rawValue) }
        }
    }

    /// A server that is interrupted or terminated runs `body` on a thread of its own, once; a
    /// second signal ends it at once. Whoever sends SIGQUIT gets `answer`.
    ///
    /// To be called before any other thread is started, because threads inherit what is blocked.
    static func whenToldToStop(
        answer: (@Sendable () -> Void)? = nil, _ body: @escaping @Sendable () -> Void
    ) {
        let ends = [SIGINT, SIGTERM].filter { !isIgnored($0) }
        for number in ends {
            signal(number) { _ in _exit(ExitStatus.interrupted.rawValue) }
        }
        wait(for: ends, body, answer)
    }

    /// A client of which somebody wants to know how it goes: he sends SIGQUIT, from a terminal with
    /// Ctrl-\, and `answer` is run on a thread of its own. The program goes on.
    ///
    /// To be called before any other thread is started, because threads inherit what is blocked.
    static func whenAsked(_ answer: @escaping @Sendable () -> Void) {
        wait(for: [], {}, answer)
    }

    /// Waits on one thread for all of them.
    private static func wait(
        for ends: [Int32], _ body: @escaping @Sendable () -> Void,
        _ answer: (@Sendable () -> Void)?
    ) {
        let wanted = answer == nil || isIgnored(SIGQUIT) ? ends : ends + [SIGQUIT]
        guard !wanted.isEmpty else { return }
        var set = sigset(wanted)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        Worker.start {
            var set = sigset(wanted)
            var received: Int32 = 0
            repeat {
                sigwait(&set, &received)
                // It looks for a while, and meanwhile the program may be told to stop.
                if received == SIGQUIT, let answer { Worker.start(answer) }
            } while received == SIGQUIT
            set = sigset(ends)
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

    /// Whoever started the program with the signal ignored, as nohup does, wants it so.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        sigaction(number, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
