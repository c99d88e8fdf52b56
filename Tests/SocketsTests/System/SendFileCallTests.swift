import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("sendfile", .ownThread)
struct SendFileCallTests {
    /// Returns the error of sendfile(2) to a closed peer and whether SIGPIPE is pending, on a
    /// separate thread because signal masks belong to threads.
    private func afterBrokenPipe(isPendingBefore: Bool) throws -> (Errno?, isPending: Bool) {
        let (here, there) = try Socket.pair()
        there.close()
        let file = try FileDescriptor.open("/proc/self/exe", .readOnly)
        defer { try? file.close() }
        let descriptor = here.descriptor
        return try Background {
            var set = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, SIGPIPE)
            if isPendingBefore {
                pthread_sigmask(SIG_BLOCK, &set, nil)
                pthread_kill(pthread_self(), SIGPIPE)
            }
            var code: Errno?
            do throws(Errno) {
                _ = try System.sendfile(descriptor, from: file.rawValue, offset: 0, count: 10)
            } catch {
                code = error
            }
            var pending = sigset_t()
            sigpending(&pending)
            let isPending = sigismember(&pending, SIGPIPE) == 1
            if isPending { _ = sigwaitinfo(&set, nil) }
            return (code, isPending)
        }.value()
    }

    @Test("sendfile to a closed peer throws EPIPE and leaves no SIGPIPE pending")
    func consumesSignal() throws {
        let (code, isPending) = try afterBrokenPipe(isPendingBefore: false)
        #expect(code == .brokenPipe)
        #expect(!isPending)
    }

    @Test("sendfile keeps a SIGPIPE that was already pending")
    func stays() throws {
        let (code, isPending) = try afterBrokenPipe(isPendingBefore: true)
        #expect(code == .brokenPipe)
        #expect(isPending)
    }
}
