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

    @Test("a reset in the middle of a file throws without SIGPIPE, with the number of sent bytes")
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

    @Test("sendFile ends at its time limit with the number of sent bytes, and can continue there")
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

    @Test("sendFile throws for a directory, a closed descriptor, a negative offset and datagrams")
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

    @Test("sendFile of a stream sends the written bytes first")
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
            let count = try server.sendFile(file, offset: 5)
            try server.shutdown(.write)
            return count
        }
        try client.startTLS(clientTLS)
        #expect(client.drain().bytes == Array(bytes[5...]))
        #expect(try sending.value() == bytes.count - 5)
    }
}
