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

    @Test(
        "sendFile sends a header and then the requested part of a file",
        arguments: [
            (0, 0), (0, 65_536), (0, 65_537), (7, 300_000), (299_999, 10), (300_000, 10),
            (400_000, 10),
        ])
    func header(offset: Int, count: Int) async throws {
        let (here, there) = try Connection.pair()
        let bytes = pattern(300_000)
        let file = try file(bytes)
        defer { try? file.close() }
        let header = Array("header".utf8)
        let expected = header + bytes.dropFirst(offset).prefix(count)
        let receiving = Task { try await there.readToEnd() }
        let sent = try await here.sendFile(file, header: header, offset: offset, count: count)
        here.close()
        #expect(sent == expected.count)
        let isSame = try await receiving.value == expected
        #expect(isSame)
    }

    @Test("sendFile sends a header, and then a file that sendfile(2) refuses")
    func headerOfRefusedFile() async throws {
        let (here, there) = try Connection.pair()
        let file = try FileDescriptor.open("/proc/version", .readOnly)
        defer { try? file.close() }
        try await here.sendFile(file, header: [7])
        here.close()
        let received = try await there.readToEnd()
        #expect(received.first == 7)
        #expect(received.dropFirst().starts(with: "Linux".utf8))
    }

    @Test("a header and a small file arrive together over TCP")
    func headerInOneSegment() async throws {
        let (client, server) = try Loopback.tcpPair()
        let here = try Connection(adopting: client)
        let file = try file(Array("file".utf8))
        defer { try? file.close() }
        try await here.sendFile(file, header: Array("header ".utf8))
        #expect(try server.receive(timeout: .seconds(30)) == Array("header file".utf8))
    }

    @Test("a write that begins during sendFile follows the header and the file")
    func headerAndOtherWrites() async throws {
        let (here, there) = try Connection.pair()
        let bytes = pattern(5_000_000)
        let file = try file(bytes)
        defer { try? file.close() }
        let sending = Task { try await here.sendFile(file, header: [7]) }
        // The file is larger than the socket's buffers, so it is still being sent.
        #expect(try await there.peek().first == 7)
        let writing = Task { try await here.write("x") }
        let received = try await there.readExactly(1 + bytes.count + 1)
        let isSame = received == [7] + bytes + [0x78]
        #expect(isSame)
        #expect(try await sending.value == 1 + bytes.count)
        try await writing.value
    }

    @Test("sendFile sends no header if the file cannot be read")
    func headerOfUnreadableFile() async throws {
        let (here, there) = try Connection.pair()
        let directory = try FileDescriptor.open("/etc", .readOnly)
        defer { try? directory.close() }
        let error = await #expect(throws: SocketError.self) {
            try await here.sendFile(directory, header: [7])
        }
        #expect(error?.errno == .isDirectory)
        #expect(error?.bytesTransferred == 0)
        // The connection is unaffected.
        try await here.write("x")
        #expect(try await there.read() == [0x78])
    }

    @Test("a timeout of sendFile counts the bytes of the header")
    func headerTimeout() async throws {
        let (here, there) = try Connection.pair()
        let file = try file([1, 2, 3])
        defer { try? file.close() }
        let header = pattern(8 << 20)
        let error = await #expect(throws: SocketError.self) {
            try await here.sendFile(file, header: header, timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        let sent = error?.bytesTransferred ?? 0
        #expect((1..<header.count).contains(sent))
        here.close()
        let received = try await there.readToEnd()
        let isSame = received == Array(header.prefix(sent))
        #expect(isSame)
    }

    @Test("sendFile sends a header and a file over TLS")
    func headerOverTLS() async throws {
        let (client, server) = try await TLSPeers.pair()
        let bytes = pattern(300_000)
        let file = try file(bytes)
        defer { try? file.close() }
        let receiving = Task { try await server.readToEnd() }
        #expect(try await client.sendFile(file, header: [7, 8], offset: 5) == 2 + 300_000 - 5)
        try client.shutdown(.write)
        let isSame = try await receiving.value == [7, 8] + bytes[5...]
        #expect(isSame)
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
