import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("System: streams that need not be sockets", .ownThread)
struct StreamCallsTests {
    private static func read(_ descriptor: FileDescriptor) throws(Errno) -> String {
        var bytes = [UInt8](repeating: 0, count: 100)
        let count: Int
        do {
            count = try bytes.withUnsafeMutableBytes {
                try System.read(descriptor.rawValue, $0)
            }
        } catch {
            throw error as? Errno ?? Errno(rawValue: 0)
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static func write(_ descriptor: FileDescriptor, _ text: String) throws(Errno) -> Int {
        do {
            return try Array(text.utf8).withUnsafeBytes {
                try System.write(descriptor.rawValue, $0)
            }
        } catch {
            throw error as? Errno ?? Errno(rawValue: 0)
        }
    }

    @Test("write and read move bytes through a pipe, and a read returns 0 at the end")
    func pipe() throws {
        let ends = try FileDescriptor.pipe()
        defer { try? ends.readEnd.close() }
        #expect(try Self.write(ends.writeEnd, "hello") == 5)
        #expect(try Self.read(ends.readEnd) == "hello")
        try ends.writeEnd.close()
        #expect(try Self.read(ends.readEnd) == "")
    }

    @Test("a call in the wrong direction throws EBADF and does not stop the program")
    func wrongDirection() throws {
        let ends = try FileDescriptor.pipe()
        defer {
            try? ends.readEnd.close()
            try? ends.writeEnd.close()
        }
        #expect(throws: Errno.badFileDescriptor) { try Self.read(ends.writeEnd) }
        #expect(throws: Errno.badFileDescriptor) { try Self.write(ends.readEnd, "x") }
    }

    @Test("write to a pipe without a reader throws EPIPE and leaves no SIGPIPE pending")
    func consumesSignal() throws {
        let ends = try FileDescriptor.pipe()
        try ends.readEnd.close()
        let isPending = try Background {
            // A program that another test starts has the reading end until it calls exec, so the
            // first writes may succeed.
            #expect(throws: Errno.brokenPipe) {
                while true { _ = try Self.write(ends.writeEnd, "x") }
            }
            var pending = sigset_t()
            sigpending(&pending)
            return sigismember(&pending, SIGPIPE) == 1
        }.value()
        try ends.writeEnd.close()
        #expect(!isPending)
    }

    @Test("onlyDirection is the direction of a pipe's end, and nil for a descriptor with both")
    func directions() throws {
        let ends = try FileDescriptor.pipe()
        let (socket, _) = try RawSockets.pair()
        #expect(try System.onlyDirection(of: ends.readEnd.rawValue) == .read)
        #expect(try System.onlyDirection(of: ends.writeEnd.rawValue) == .write)
        #expect(try System.onlyDirection(of: socket.number) == nil)
        for end in [ends.readEnd, ends.writeEnd] { try end.close() }
        #expect(throws: Errno.badFileDescriptor) { try System.onlyDirection(of: -1) }
    }

    @Test("a reopened terminal is nonblocking and close-on-exec, and the original stays blocking")
    func reopens() throws {
        let pair = try Pseudoterminal()
        defer {
            try? pair.master.close()
            try? pair.terminal.close()
        }
        let reopened = Descriptor(
            try #require(System.reopenTerminal(pair.terminal.rawValue, nil)))
        #expect(!reopened.isBlocking)
        #expect(reopened.isCloseOnExec)
        #expect(pair.terminal.isBlocking)
        try pair.master.write("x")
        #expect(try Self.read(FileDescriptor(rawValue: reopened.number)) == "x")
    }

    @Test("neither a pseudoterminal's master nor a pipe is reopened")
    func doesNotReopen() throws {
        let pair = try Pseudoterminal()
        let ends = try FileDescriptor.pipe()
        let all = [pair.master, pair.terminal, ends.readEnd, ends.writeEnd]
        defer { for descriptor in all { try? descriptor.close() } }
        #expect(System.reopenTerminal(pair.master.rawValue, nil) == nil)
        #expect(System.reopenTerminal(ends.readEnd.rawValue, .read) == nil)
    }
}
