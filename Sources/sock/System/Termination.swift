import Glibc
import Sockets

/// The functions that end the program; any thread may call them.
enum Termination {
    private struct State {
        /// The closures to call before the program ends, such as one that removes a socket file.
        var cleanUps: [@Sendable () -> Void] = []
        /// The first signal that requested the end.
        var signal: Int32?
        var signalTime: ContinuousClock.Instant?
        var isExiting = false
        var isCleaningUp = false
        var isClean = false
    }

    private static let state = Monitor(State())

    /// Makes `body` run before the program ends, except if SIGKILL ends it.
    static func cleanUp(_ body: @escaping @Sendable () -> Void) {
        state.update { $0.cleanUps.append(body) }
    }

    /// Records the signal that requested the end of the program, unless another signal did so
    /// earlier.
    static func record(signal number: Int32) {
        state.update { state in
            state.signal = state.signal ?? number
            state.signalTime = state.signalTime ?? .now
        }
    }

    /// The time since a signal requested the end of the program; nil if no signal has.
    static var timeSinceRequest: Duration? {
        state.update { $0.signalTime }.map { $0.duration(to: .now) }
    }

    /// Ends the program with a status, or by the signal that requested the end.
    ///
    /// After SIGTERM, the program exits with `status`, because the end was requested and is not a
    /// failure. After another signal, such as SIGINT, the program ends by that signal, because a
    /// shell continues a loop unless it sees that a signal ended the program.
    static func exit(_ status: ExitStatus) -> Never {
        let (signal, isFirst) = state.update { state in
            defer { state.isExiting = true }
            return (state.signal, !state.isExiting)
        }
        if let signal, signal != SIGTERM { raise(signal) }
        // Wait if another thread is already exiting, because exit(3) must not run on two threads.
        guard isFirst else { while true { pause() } }
        runCleanUps()
        Glibc.exit(status.rawValue)
    }

    /// Cleans up, and ends the program by a signal.
    static func raise(_ number: Int32) -> Never {
        runCleanUps()
        signal(number, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        Glibc.raise(number)
        // The first process of a container survives the default action, so exit explicitly.
        _exit(128 + number)
    }

    /// Runs each cleanup once.
    ///
    /// If another thread is already running the cleanups, waits until it has finished, but at most
    /// 1 s.
    private static func runCleanUps() {
        let bodies: [@Sendable () -> Void]? = state.update { state in
            defer { state.isCleaningUp = true }
            return state.isCleaningUp ? nil : state.cleanUps
        }
        if let bodies {
            for body in bodies { body() }
            state.update { $0.isClean = true }
        } else {
            state.wait(atMost: .seconds(1)) { $0.isClean }
        }
    }
}
