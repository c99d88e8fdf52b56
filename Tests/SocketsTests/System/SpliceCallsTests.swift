import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("pipe, splice", .ownThread)
struct SpliceCallsTests {
    private func pipe() throws -> (reading: Descriptor, writing: Descriptor) {
        let (reading, writing) = try System.pipe()
        return (Descriptor(reading), Descriptor(writing))
    }

    @Test("a pipe is nonblocking and close-on-exec, and its size can be set")
    func makesPipe() throws {
        let (reading, writing) = try pipe()
        for end in [reading, writing] {
            #expect(end.isCloseOnExec)
            #expect(!end.isBlocking)
        }
        try System.setPipeSize(writing.number, 1 << 17)
        #expect(fcntl(writing.number, 1032 /* F_GETPIPE_SZ */) == 1 << 17)
    }

    @Test("splice moves bytes through a pipe, and returns 0 at EOF")
    func moves() throws {
        let (here, there) = try RawSockets.connection()
        let (back, server) = try RawSockets.pair()
        for socket in [there, back] { try System.setBlocking(socket.number, false) }
        let (reading, writing) = try pipe()
        #expect(throws: Errno.wouldBlock) {
            try System.splice(from: there.number, toPipe: writing.number, atMost: 100)
        }
        _ = try System.send(here.number, "hello")
        try System.shutdown(here.number, .write)
        #expect(
            try System.splice(from: there.number, toPipe: writing.number, atMost: 3) == 3)
        #expect(
            try System.splice(from: there.number, toPipe: writing.number, atMost: 100) == 2)
        #expect(
            try System.splice(from: there.number, toPipe: writing.number, atMost: 100) == 0)
        #expect(
            try System.splice(
                fromPipe: reading.number, to: back.number, count: 5, isSignalBlocked: false) == 5)
        #expect(try System.recv(server.number, atMost: 10) == "hello")
        var room = [UInt8](repeating: 0, count: 10)
        #expect(throws: Errno.wouldBlock) {
            try room.withUnsafeMutableBytes { try System.read(fromPipe: reading.number, $0) }
        }
    }

    @Test("splice to a closed peer throws EPIPE and leaves no SIGPIPE pending")
    func consumesSignal() throws {
        let (here, there) = try RawSockets.pair()
        try System.setBlocking(here.number, false)
        let (reading, writing) = try pipe()
        _ = Glibc.write(writing.number, "x", 1)
        _ = Glibc.shutdown(there.number, Int32(SHUT_RD))
        let isPending = try Background {
            #expect(throws: Errno.brokenPipe) {
                try System.splice(
                    fromPipe: reading.number, to: here.number, count: 1, isSignalBlocked: false)
            }
            var (set, pending) = (sigset_t(), sigset_t())
            sigemptyset(&set)
            sigpending(&pending)
            return sigismember(&pending, SIGPIPE) == 1
        }.value()
        #expect(!isPending)
    }

    @Test("PipeSignalBlock consumes the SIGPIPE that a call raised, and restores the mask")
    func blocksSignal() throws {
        let wasBlocked = try Background {
            let block = PipeSignalBlock()
            pthread_kill(pthread_self(), SIGPIPE)
            block.end()
            var mask = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &mask)
            return sigismember(&mask, SIGPIPE) == 1
        }.value()
        #expect(!wasBlocked)
    }
}
