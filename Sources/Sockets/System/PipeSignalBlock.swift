internal import Glibc
internal import SystemPackage

/// A block of SIGPIPE on the calling thread, which lasts until ``end()``.
///
/// sendfile(2) and splice(2) have no flag like `MSG_NOSIGNAL`. If the peer has closed the
/// connection, the kernel sends SIGPIPE to the thread, and the signal would end the program. So it
/// is blocked during the call and consumed if the call raised it. A signal that was already pending
/// remains pending.
struct PipeSignalBlock {
    private var signal = sigset_t()
    private var before = sigset_t()
    private let wasPending: Bool

    /// Blocks the signal: pthread_sigmask(3).
    init() {
        sigemptyset(&signal)
        sigaddset(&signal, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signal, &before)
        var pending = sigset_t()
        sigpending(&pending)
        wasPending = sigismember(&pending, SIGPIPE) == 1
    }

    /// Consumes the signal if a call has raised it, and restores the thread's signal mask:
    /// sigtimedwait(2), pthread_sigmask(3).
    ///
    /// The result of the call does not tell whether the call raised the signal. If the call fails
    /// after it has sent some of the bytes, it returns their number and raises the signal too.
    func end() {
        if !wasPending {
            var (signal, now) = (signal, timespec())
            while sigtimedwait(&signal, nil, &now) == -1,
                Errno(rawValue: Glibc.errno) == .interrupted
            {}
        }
        var before = before
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }
}
