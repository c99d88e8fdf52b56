import SystemPackage
import Testing

@testable import Sockets

@Suite("Connection: sendFile")
struct ConnectionSendingFilesTests {
    private func file(_ bytes: [UInt8]) throws -> FileDescriptor {
        let path = FilePath(Loopback.unixPath() + "-file")
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .truncate], permissions: .ownerReadWrite)
        try file.writeAll(bytes)
        return file
    }

    @Test("sendFile sends a whole file that is larger than the socket buffers")
    func whole() async throws {
        let (here, there) = try Connection.pair()
        let bytes = pattern(5_000_000)
        let file = try file(bytes)
        defer { try? file.close() }
        let sending = Task {
            let count = try await here.sendFile(file)
            here.close()
            return count
        }
        let received = try await there.readToEnd()
        #expect(received == bytes)
        #expect(try await sending.value == bytes.count)
    }

    @Test(
        "sendFile sends the requested part of a file and stops at the end of the file",
        arguments: [(2, 3, "cde"), (4, 100, "ef"), (6, 1, ""), (100, 1, ""), (0, 0, "")])
    func part(offset: Int, count: Int, expected: String) async throws {
        let (here, there) = try Connection.pair()
        let file = try file(Array("abcdef".utf8))
        defer { try? file.close() }
        #expect(try await here.sendFile(file, offset: offset, count: count) == expected.utf8.count)
        here.close()
        #expect(try await there.readToEnd() == Array(expected.utf8))
    }

    @Test("sendFile to a closed peer throws EPIPE without SIGPIPE")
    func brokenPipe() async throws {
        let (here, there) = try Connection.pair()
        there.close()
        let file = try file(Array("abcdef".utf8))
        defer { try? file.close() }
        let error = await #expect(throws: SocketError.self) { try await here.sendFile(file) }
        #expect(error?.errno == .brokenPipe)
    }

    @Test(
        "sendFile falls back to read and write if sendfile(2) refuses the file",
        arguments: [
            "/proc/self/status", "/proc/self/maps", "/proc/cpuinfo", "/proc/self/cmdline",
            "/proc/version", "/sys/kernel/uevent_seqnum", "/dev/null",
        ])
    func refusedFile(path: String) async throws {
        let (here, there) = try Connection.pair()
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        defer { try? file.close() }
        let receiving = Task { try await there.readToEnd() }
        let count = try await here.sendFile(file)
        here.close()
        let received = try await receiving.value
        #expect(received.count == count)
        #expect(received.isEmpty == (path == "/dev/null"))
        // The file's own position has not moved.
        var first: UInt8 = 0
        let moved = try withUnsafeMutableBytes(of: &first) { try file.read(into: $0) }
        #expect(moved == min(1, count))
        #expect(moved == 0 || first == received[0])
    }

    @Test("sendFile sends the requested part of a file even if sendfile(2) refuses the file")
    func partOfRefusedFile() async throws {
        let (here, there) = try Connection.pair()
        let file = try FileDescriptor.open("/proc/self/status", .readOnly)
        defer { try? file.close() }
        #expect(try await here.sendFile(file, offset: 1, count: 4) == 4)
        #expect(try await here.sendFile(file, offset: 1 << 40) == 0)
        here.close()
        #expect(try await there.readToEnd() == Array("ame:".utf8))
    }

    #if DEBUG
        @Test("sendFile sends the rest of a file by read and write if sendfile(2) fails part-way")
        func refusedLater() async throws {
            let (here, there) = try Connection.pair()
            let bytes = pattern(300_000)
            let file = try file(bytes)
            defer { try? file.close() }
            let receiving = Task { try await there.readToEnd() }
            let script = FaultInjection([.sendfile: [.short(1000), .error(.invalidArgument)]])
            let count = try await FaultInjection.$current.withValue(script) {
                try await here.sendFile(file)
            }
            here.close()
            #expect(count == bytes.count)
            let isSame = try await receiving.value == bytes
            #expect(isSame)
        }
    #endif

    @Test("the error of sendFile names the file, not the peer, if reading the file fails")
    func fileErrors() async throws {
        let (client, server) = try Loopback.tcpPair()
        let here = try Connection(adopting: client)
        let directory = try FileDescriptor.open("/etc", .readOnly)
        defer { try? directory.close() }
        let error = await #expect(throws: SocketError.self) { try await here.sendFile(directory) }
        #expect(error?.errno == .isDirectory)
        #expect(error?.operation == .sendFile)
        #expect(
            error?.description
                == "cannot send file descriptor \(directory.rawValue): is a directory")
        // The connection is unaffected.
        try await here.write("x")
        #expect(try server.receive() == [0x78])
    }

    @Test("sendFile throws for a pipe, a closed descriptor and a negative offset")
    func noFile() async throws {
        let (here, there) = try Connection.pair()
        let ends = try FileDescriptor.pipe()
        defer {
            try? ends.readEnd.close()
            try? ends.writeEnd.close()
        }
        let error = await #expect(throws: SocketError.self) {
            try await here.sendFile(ends.readEnd)
        }
        #expect(error?.errno == .illegalSeek)
        let closed = await #expect(throws: SocketError.self) {
            try await here.sendFile(FileDescriptor(rawValue: -1))
        }
        #expect(closed?.errno == .badFileDescriptor)
        let negative = await #expect(throws: SocketError.self) {
            try await here.sendFile(ends.readEnd, offset: -1)
        }
        guard case .invalidInput = negative?.cause else {
            Issue.record("expected invalid input")
            return
        }
        withExtendedLifetime(there) {}
    }
}
