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
