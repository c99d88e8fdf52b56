import SystemPackage
import Testing

@testable import Sockets

@Suite("Socket: sendFile", .ownThread)
struct SocketSendingFilesTests {
    private func file(_ bytes: [UInt8]) throws -> FileDescriptor {
        let path = FilePath(Loopback.unixPath() + "-file")
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .truncate], permissions: .ownerReadWrite)
        try file.writeAll(bytes)
        return file
    }

    @Test(
        "sendFile sends a whole file that is larger than the socket buffers",
        arguments: [TimeLimit.never, .seconds(20)], [true, false])
    func whole(limit: TimeLimit, overTCP: Bool) throws {
        for isShared in [false, true] {
            let (here, there) = try Loopback.streamPair(overTCP: overTCP)
            let copy = isShared ? try here.duplicate() : nil
            let bytes = pattern(5_000_000)
            let file = try file(bytes)
            defer { try? file.close() }
            let sending = Background {
                let count = try here.sendFile(file, timeout: limit)
                try here.shutdown(.write)
                return count
            }
            #expect(there.drain().bytes == bytes)
            #expect(try sending.value() == bytes.count)
            #expect(try System.isBlocking(here.descriptor))
            copy?.close()
        }
    }

    @Test(
        "sendFile sends the requested part of a file and stops at the end of the file",
        arguments: [
            (2, 3, "cde"), (4, 100, "ef"), (6, 1, ""), (100, 1, ""), (0, 0, ""), (1 << 40, 5, ""),
        ])
    func part(offset: Int, count: Int, expected: String) throws {
        let (here, there) = try Socket.pair()
        let file = try file(Array("abcdef".utf8))
        defer { try? file.close() }
        #expect(try here.sendFile(file, offset: offset, count: count) == expected.utf8.count)
        here.close()
        #expect(there.drain().bytes == Array(expected.utf8))
    }

    @Test("after a reset in mid-file, sendFile throws the number of sent bytes without SIGPIPE")
    func reset() throws {
        for limit in [TimeLimit.never, .seconds(20)] {
            let (here, there) = try Loopback.tcpPair()
            let file = try file([UInt8](repeating: 1, count: 30_000_000))
            defer { try? file.close() }
            let sending = Background { try here.sendFile(file, timeout: limit) }
            #expect(try there.readAll(1 << 20).count == 1 << 20)
            there.abort()
            let error = #expect(throws: SocketError.self) { try sending.value() }
            #expect(error?.errno == .connectionReset || error?.errno == .brokenPipe)
            #expect(error?.bytesTransferred ?? 0 >= 1 << 20)
        }
    }

    @Test("at its time limit, sendFile throws the number of sent bytes, so a new call can go on")
    func timeout() throws {
        let (here, there) = try Loopback.tcpPair()
        let bytes = pattern(20_000_000)
        let file = try file(bytes)
        defer { try? file.close() }
        let error = try #require(
            #expect(throws: SocketError.self) {
                try here.sendFile(file, timeout: .milliseconds(50))
            })
        #expect(error.cause == .timedOut(limit: .milliseconds(50)))
        #expect(error.operation == .send)
        #expect(error.stallReport != nil)
        #expect(error.bytesTransferred > 0)
        let sending = Background {
            let count = try here.sendFile(file, offset: error.bytesTransferred)
            here.close()
            return count
        }
        #expect(there.drain().bytes == bytes)
        #expect(try sending.value() == bytes.count - error.bytesTransferred)
    }

    @Test("close on another thread ends sendFile", arguments: [TimeLimit.never, .seconds(20)])
    func close(limit: TimeLimit) throws {
        let (here, there) = try Loopback.tcpPair()
        let file = try file([UInt8](repeating: 1, count: 30_000_000))
        defer { try? file.close() }
        let sending = Background { try here.sendFile(file, timeout: limit) }
        #expect(try there.readAll(1).count == 1)
        here.close()
        let error = #expect(throws: SocketError.self) { try sending.value() }
        #expect(error?.cause == .closed)
        #expect(error?.bytesTransferred ?? 0 > 0)
    }

    @Test(
        "sendFile reads and sends a file that sendfile(2) refuses",
        arguments: ["/proc/self/status", "/proc/cpuinfo", "/dev/null"])
    func refusedFile(path: String) throws {
        let (here, there) = try Socket.pair()
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        defer { try? file.close() }
        let sending = Background {
            let count = try here.sendFile(file, timeout: .seconds(10))
            here.close()
            return count
        }
        let received = there.drain().bytes.count
        #expect(received > 0 || path == "/dev/null")
        #expect(try sending.value() == received)
    }

    @Test("sendFile rejects a directory, a closed descriptor, a negative offset and datagrams")
    func rejects() throws {
        let (here, _) = try Socket.pair()
        let directory = try FileDescriptor.open("/", .readOnly)
        defer { try? directory.close() }
        let isDirectory = #expect(throws: SocketError.self) { try here.sendFile(directory) }
        #expect(isDirectory?.errno == .isDirectory)
        #expect(isDirectory?.operation == .sendFile)
        #expect(isDirectory?.subject == "descriptor \(directory.rawValue)")
        let bad = #expect(throws: SocketError.self) {
            try here.sendFile(FileDescriptor(rawValue: -1))
        }
        #expect(bad?.errno == .badFileDescriptor)
        let negative = #expect(throws: SocketError.self) {
            try here.sendFile(directory, offset: -1)
        }
        #expect(
            negative?.cause
                == .invalidInput("offset -1 and count \(Int.max) must not be negative"))
        let datagram = #expect(throws: SocketError.self) {
            try Loopback.udp().sendFile(directory)
        }
        #expect(datagram?.operation == .send)
    }

    @Test(
        "sendFile sends a header and then the requested part of a file",
        arguments: [
            (0, 0), (0, 65_536), (0, 65_537), (7, 300_000), (299_999, 10), (300_000, 10),
            (400_000, 10),
        ], [TimeLimit.never, .seconds(20)])
    func header(part: (offset: Int, count: Int), limit: TimeLimit) throws {
        let (here, there) = try Socket.pair()
        let bytes = pattern(300_000)
        let file = try file(bytes)
        defer { try? file.close() }
        let header = Array("header".utf8)
        let offset = min(part.offset, bytes.count)
        let expected = header + bytes[offset...].prefix(part.count)
        let sending = Background {
            let count = try here.sendFile(
                file, header: header, offset: part.offset, count: part.count, timeout: limit)
            here.close()
            return count
        }
        #expect(there.drain().bytes == expected)
        #expect(try sending.value() == expected.count)
    }

    @Test("sendFile sends a header, and then a file that sendfile(2) refuses")
    func headerOfRefusedFile() throws {
        let (here, there) = try Socket.pair()
        let file = try FileDescriptor.open("/proc/version", .readOnly)
        defer { try? file.close() }
        try here.sendFile(file, header: [7])
        here.close()
        let received = there.drain().bytes
        #expect(received.first == 7)
        #expect(received.dropFirst().starts(with: "Linux".utf8))
    }

    @Test("a header and a small file arrive together over TCP")
    func headerInOneSegment() throws {
        let (here, there) = try Loopback.tcpPair()
        let file = try file(Array("file".utf8))
        defer { try? file.close() }
        try here.sendFile(file, header: Array("header ".utf8))
        #expect(try there.receive(timeout: .seconds(30)) == Array("header file".utf8))
    }

    @Test("sendFile sends no header if the file cannot be read")
    func headerOfUnreadableFile() throws {
        let (here, there) = try Socket.pair()
        let directory = try FileDescriptor.open("/etc", .readOnly)
        defer { try? directory.close() }
        let stream = SocketStream(here)
        let error = #expect(throws: SocketError.self) {
            try stream.sendFile(directory, header: [7])
        }
        #expect(error?.errno == .isDirectory)
        #expect(error?.bytesTransferred == 0)
        // The stream is unaffected.
        try stream.write("x")
        try stream.flush()
        #expect(try there.receive(timeout: .seconds(30)) == [0x78])
    }

    @Test("after a timeout of sendFile, the error counts the header, and further writes throw")
    func headerTimeout() throws {
        let (here, there) = try Socket.pair()
        let file = try file([1, 2, 3])
        defer { try? file.close() }
        let header = pattern(8 << 20)
        let stream = SocketStream(here)
        try stream.write("first ")
        // A busy machine must have sent the first bytes within the limit.
        let error = #expect(throws: SocketError.self) {
            try stream.sendFile(file, header: header, timeout: .seconds(1))
        }
        #expect(error?.cause == .timedOut(limit: .seconds(1)))
        let sent = error?.bytesTransferred ?? 0
        #expect((1..<header.count).contains(sent))
        let later = #expect(throws: SocketError.self) { try stream.write("x") }
        #expect(later?.cause == .incompleteWrite)
        here.close()
        #expect(there.drain().bytes == Array("first ".utf8) + header.prefix(sent))
    }

    @Test("SocketStream.sendFile sends the written bytes first")
    func stream() throws {
        let (here, there) = try Socket.pair()
        let file = try file(Array("body".utf8))
        defer { try? file.close() }
        let stream = SocketStream(here)
        try stream.write("header ")
        #expect(try stream.sendFile(file) == 4)
        #expect(try there.readAll(11) == Array("header body".utf8))
        there.close()
        let error = #expect(throws: SocketError.self) { try stream.sendFile(file) }
        #expect(error?.errno == .brokenPipe)
        #expect(!stream.isIncomplete)
    }

    @Test("sendFile encrypts on a TLS connection", .needsOpenSSL)
    func tls() throws {
        let (client, server) = try Loopback.tcpPair()
        let (clientTLS, serverTLS) = (try TLSPeers.client(), try TLSPeers.server())
        let bytes = pattern(300_000)
        let file = try file(bytes)
        defer { try? file.close() }
        let sending = Background {
            try server.startTLS(serverTLS)
            let count = try server.sendFile(file, header: [7, 8], offset: 5)
            try server.shutdown(.write)
            return count
        }
        try client.startTLS(clientTLS)
        #expect(client.drain().bytes == [7, 8] + bytes[5...])
        #expect(try sending.value() == 2 + bytes.count - 5)
    }
}
