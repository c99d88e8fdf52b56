internal import Glibc
internal import SystemPackage

extension System {
    /// Errors of sendfile(2) that concern the file and not the connection.
    ///
    /// The kernel cannot send from some kinds of files (`EINVAL`) or from files without a position,
    /// such as pipes (`ESPIPE`).
    static let sendfileRefusals: [Errno] = [
        .invalidArgument, .illegalSeek, .noFunction, .notSupported, .badFileDescriptor,
        .isDirectory, .ioError, .overflow,
    ]

    /// Reads bytes of a user's file, starting at an offset: pread(2).
    ///
    /// Returns 0 at the end of the file.
    static func pread(
        _ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(Errno) -> Int {
        try systemCall(.pread, fromUser: true) {
            Glibc.pread(file, buffer.baseAddress, buffer.count, offset)
        }
    }

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
            throw error.ofSend
        }
    }
}
