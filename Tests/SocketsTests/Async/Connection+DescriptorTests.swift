import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("Connection: release, duplicate", .ownThread)
struct ConnectionDescriptorTests {
    @Test("release returns a blocking descriptor, and the connection stays open")
    func release() async throws {
        let (one, other) = try Connection.pair()
        let released = try one.release()
        #expect(one.isClosed)
        #expect(fcntl(released.rawValue, F_GETFL) & O_NONBLOCK == 0)
        let socket = try Socket(adopting: released)
        try socket.send("x")
        #expect(try await other.read() == [0x78])
        let error = await #expect(throws: SocketError.self) { try await one.read() }
        #expect(error?.cause == .closed)
    }

    @Test("release restores the blocking mode of an adopted descriptor", arguments: [true, false])
    func adoptedMode(isBlocking: Bool) async throws {
        let (one, _) = try Socket.pair()
        let descriptor = try one.release()
        if !isBlocking { _ = fcntl(descriptor.rawValue, F_SETFL, O_NONBLOCK) }
        let connection = try Connection(adopting: Socket(adopting: descriptor))
        let released = Descriptor(try connection.release().rawValue)
        #expect(released.isBlocking == isBlocking)
    }

    @Test("release throws while received bytes have not been read")
    func unread() async throws {
        let (one, other) = try Connection.pair()
        try await other.write("line\nrest")
        #expect(try await one.readLine() == "line")
        let error = #expect(throws: SocketError.self) { try one.release() }
        #expect(
            error?.cause == .invalidInput("the program has not read 4 bytes of its input"))
        #expect(try await one.read() == Array("rest".utf8))
        try one.release().close()
        #expect(try await other.read().isEmpty)
    }

    @Test("release fails with EBUSY while a task reads, and the read continues")
    func busy() async throws {
        let (one, other) = try Connection.pair()
        async let bytes = one.read()
        while !one.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        let error = #expect(throws: SocketError.self) { try one.release() }
        #expect(error?.errno == .resourceBusy)
        try await other.write("x")
        #expect(try await bytes == [0x78])
    }

    @Test("a duplicate stays connected after the original is closed while a task reads from it")
    func duplicate() async throws {
        let (one, other) = try Connection.pair()
        let copy = try one.duplicate()
        let reading = Task { try await one.read() }
        while !one.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        one.close()
        let error = await #expect(throws: SocketError.self) { try await reading.value }
        #expect(error?.cause == .closed)
        try await copy.write("still open")
        #expect(try await other.read() == Array("still open".utf8))
        try await other.write("x")
        #expect(try await copy.read(timeout: .seconds(10)) == [0x78])
        copy.close()
        #expect(try await other.read().isEmpty)
    }

    @Test("releasing a duplicate keeps O_NONBLOCK for the original")
    func releaseOfTheDuplicate() throws {
        let (one, _) = try Connection.pair()
        let released = Descriptor(try one.duplicate().release().rawValue)
        #expect(!released.isBlocking)
        let original = Descriptor(try one.release().rawValue)
        #expect(!original.isBlocking)
    }
}
