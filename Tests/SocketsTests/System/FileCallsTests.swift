import Glibc
import Testing

@testable import Sockets

@Suite("File calls", .ownThread)
struct FileCallsTests {
    private func path(_ name: String) -> [UInt8] {
        Array("/tmp/swift-sockets-files-\(getpid())-\(name)".utf8)
    }

    private func bind(_ path: [UInt8]) throws -> Descriptor {
        let socket = try RawSockets.make(.unix, .stream)
        try System.bind(socket.number, RawSocketAddress(.unix(path)))
        return socket
    }

    @Test("lstat identifies a socket file until unlink removes the file")
    func socketFile() throws {
        let path = path("known")
        let socket = try bind(path)
        let identity = try System.lstat(path)
        #expect(identity.isSocket)
        #expect(try System.lstat(path) == identity)
        try System.unlink(path)
        #expect(throws: Errno.noSuchFileOrDirectory) { try System.lstat(path) }
        #expect(throws: Errno.noSuchFileOrDirectory) { try System.unlink(path) }
        withExtendedLifetime(socket) {}
    }

    @Test("two sockets at the same path have different identities while both are open")
    func anotherSocket() throws {
        let path = path("another")
        let first = try bind(path)
        let identity = try System.lstat(path)
        try System.unlink(path)
        let second = try bind(path)
        #expect(try System.lstat(path) != identity)
        try System.unlink(path)
        withExtendedLifetime((first, second)) {}
    }

    @Test("lstat does not identify a directory or a symbolic link as a socket")
    func otherFiles() throws {
        #expect(try !System.lstat(Array("/tmp".utf8)).isSocket)
        let target = path("target")
        let link = path("link")
        let socket = try bind(target)
        defer {
            try? System.unlink(target)
            try? System.unlink(link)
        }
        let text = { String(decoding: $0 as [UInt8], as: UTF8.self) }
        try #require(symlink(text(target), text(link)) == 0)
        #expect(try !System.lstat(link).isSocket)
        withExtendedLifetime(socket) {}
    }

    @Test("bind and lstat accept a path with bytes that are not UTF-8")
    func anyBytes() throws {
        let path = path("") + [0xFF, 0x0A, 0x20]
        let socket = try bind(path)
        #expect(try System.lstat(path).isSocket)
        try System.unlink(path)
        withExtendedLifetime(socket) {}
    }
}
