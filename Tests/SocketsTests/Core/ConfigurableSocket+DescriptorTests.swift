import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("withFileDescriptor", .ownThread)
struct ConfigurableSocketDescriptorTests {
    @Test("each type passes its descriptor to the closure and keeps it open")
    func everyType() async throws {
        let (one, other) = try Socket.pair()
        #expect(try one.withFileDescriptor { $0.rawValue } == one.descriptor)
        let stream = SocketStream(other)
        #expect(try stream.withFileDescriptor { $0.rawValue } == other.descriptor)
        let connection = try Connection(adopting: one)
        #expect(try descriptor(of: connection) == connection.source.descriptor)
        let listener = try Listener(on: Loopback.ipv4)
        #expect(try descriptor(of: listener) == listener.source.descriptor)
        let channel = try DatagramChannel(on: Loopback.ipv4)
        #expect(try descriptor(of: channel) == channel.source.descriptor)
        try await connection.write("open")
        #expect(try stream.readExactly(4) == Array("open".utf8))
        let asynchronous = try await channel.withFileDescriptor { descriptor in
            await Task.yield()
            return descriptor.rawValue
        }
        #expect(asynchronous == channel.source.descriptor)
    }

    private func descriptor(of socket: some ConfigurableSocket) throws -> Int32 {
        try socket.withFileDescriptor { $0.rawValue }
    }

    @Test("a socket closed during the closure releases its descriptor only after the closure")
    func close() throws {
        let (one, other) = try Socket.pair()
        try one.withFileDescriptor { descriptor in
            let before = inode(of: descriptor.rawValue)
            one.close()
            // The number was not reused.
            #expect(inode(of: descriptor.rawValue) == before)
            let end = try other.receive()
            #expect(end.isEmpty)
        }
        let error = #expect(throws: SocketError.self) { try one.withFileDescriptor { _ in } }
        #expect(error?.cause == .closed)
        #expect(error?.operation == .useDescriptor)
    }

    @Test("a connection closed during an async closure releases its descriptor afterwards")
    func asyncClose() async throws {
        let (one, other) = try Connection.pair()
        try await one.withFileDescriptor { descriptor in
            let before = inode(of: descriptor.rawValue)
            one.close()
            let end = try await other.read()
            #expect(end.isEmpty)
            #expect(inode(of: descriptor.rawValue) == before)
        }
        let error = #expect(throws: SocketError.self) { try one.withFileDescriptor { _ in } }
        #expect(error?.cause == .closed)
    }

    @Test("release fails with EBUSY during the closure")
    func release() throws {
        let (one, _) = try Socket.pair()
        let listener = try Listener(on: Loopback.ipv4)
        try one.withFileDescriptor { _ in
            let error = #expect(throws: SocketError.self) { try one.release() }
            #expect(error?.errno == .resourceBusy)
        }
        try descriptorIsBusy(listener)
    }

    private func descriptorIsBusy(_ listener: Listener) throws {
        try listener.withFileDescriptor { _ in
            let error = #expect(throws: SocketError.self) { try listener.release() }
            #expect(error?.errno == .resourceBusy)
        }
    }

    @Test("the error of the closure is thrown, and the socket stays open")
    func failure() throws {
        struct Failure: Error {}
        let (one, other) = try Socket.pair()
        #expect(throws: Failure.self) { try one.withFileDescriptor { _ in throw Failure() } }
        try other.send("x")
        #expect(try one.receive() == [0x78])
    }

    @Test("a timeout that the closure sets does not limit later calls")
    func options() throws {
        let (one, other) = try Socket.pair()
        try other.send("x")
        #expect(try one.receive() == [0x78])
        try one.withFileDescriptor { descriptor in
            // struct timeval { long tv_sec; long tv_usec; }
            var limit = [0, 1000]
            setsockopt(descriptor.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, 16)
        }
        let background = Background { try one.receive() }
        try waitUntilAThreadWaits(on: one)
        try other.send("y")
        #expect(try background.value() == [0x79])
    }

    @Test("a timeout that other code changes after the closure does not affect time limits")
    func laterOptions() throws {
        let (one, other) = try Socket.pair()
        let copy = try duplicate(of: one)
        let first = #expect(throws: SocketError.self) {
            try one.receive(timeout: .milliseconds(20))
        }
        #expect(first?.isTimeout == true)
        // struct timeval { long tv_sec; long tv_usec; }
        var never = [0, 0]
        setsockopt(copy.number, SOL_SOCKET, SO_RCVTIMEO, &never, 16)
        let waiting = Background { try one.receive(timeout: .milliseconds(20)) }
        let second = #expect(throws: SocketError.self) { try waiting.value() }
        #expect(second?.isTimeout == true)
        other.close()
    }

    @Test("release after the closure keeps O_NONBLOCK for a duplicate that the closure made")
    func modeAfterLending() throws {
        let listener = try Listener(on: Loopback.ipv4)
        let copy = try duplicate(of: listener)
        try listener.release().close()
        #expect(!copy.isBlocking)
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0))
        let other = try duplicate(of: socket)
        try socket.release().close()
        #expect(!other.isBlocking)
    }

    @Test("a close after the closure does not shut down a duplicate that the closure made")
    func closeAfterLending() async throws {
        let (one, other) = try Connection.pair()
        let copy = try duplicate(of: one)
        let reading = Task { try await one.read() }
        while !one.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        one.close()
        let error = await #expect(throws: SocketError.self) { try await reading.value }
        #expect(error?.cause == .closed)
        #expect(send(copy.number, "x", 1, Int32(MSG_NOSIGNAL)) == 1)
        #expect(try await other.read(timeout: .seconds(10)) == [0x78])
    }

    private func duplicate(of socket: some ConfigurableSocket) throws -> Descriptor {
        try socket.withFileDescriptor { Descriptor(dup($0.rawValue)) }
    }

    @Test("withFileDescriptor throws for a sharded listener, which has several descriptors")
    func sharded() async throws {
        let group = try LoopGroup(loops: 2)
        defer { group.shutdown() }
        let listener = try Listener(
            on: Loopback.ipv4, group: group, options: .init(sharded: true))
        let attempts: [() throws -> Void] = [
            { _ = try descriptor(of: listener) }, { _ = try listener.duplicate() },
            { _ = try listener.release() },
        ]
        for attempt in attempts {
            let error = #expect(throws: SocketError.self) { try attempt() }
            #expect(
                error?.cause == .invalidInput("a sharded listener has a socket for each loop"))
        }
        listener.close()
    }
}
