internal import Glibc
internal import SystemPackage

extension System {
    /// Sends bytes of a user's file, starting at an offset: sendfile(2).
    ///
    /// Returns 0 at the end of the file.
    ///
    /// sendfile has no flag like `MSG_NOSIGNAL`. If the peer has closed the connection, the kernel
    /// sends SIGPIPE to the thread, which would end the program. So the signal is blocked during
    /// the call and consumed if the call raised it. A signal that was already pending remains
    /// pending.
    static func sendfile(
        _ descriptor: Int32, from file: Int32, offset: Int, count: Int
    ) throws(Errno) -> Int {
        var pipeSignal = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, &pipeSignal, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var pending = sigset_t()
        sigpending(&pending)
        let wasPending = sigismember(&pending, SIGPIPE) == 1

        var offset = offset
        do throws(Errno) {
            return try transferCall(.sendfile, count, onInterrupt: .report, fromUser: true) {
                count in
                Glibc.sendfile(descriptor, file, &offset, count)
            }
        } catch {
            if error == .brokenPipe, !wasPending {
                var now = timespec()
                while sigtimedwait(&pipeSignal, nil, &now) == -1,
                    Errno(rawValue: Glibc.errno) == .interrupted
                {}
            }
            throw error
        }
    }
}
