import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("Listener: release, duplicate, blocking mode", .ownThread)
struct ListenerDescriptorTests {
    @Test("release returns a blocking descriptor, which accepts the clients in the backlog")
    func release() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let client = try Socket(to: listener.localAddress)
        let released = try listener.release()
        #expect(listener.isClosed)
        #expect(fcntl(released.rawValue, F_GETFL) & O_NONBLOCK == 0)
        #expect(fcntl(released.rawValue, F_GETFD) & FD_CLOEXEC != 0)
        let socket = try Socket(adopting: released)
        #expect(try socket.accept(timeout: .seconds(10)).remoteAddress == client.localAddress)
        let error = await #expect(throws: SocketError.self) { try await listener.accept() }
        #expect(error?.cause == .closed)
    }

    @Test("release keeps the socket file of a Unix path")
    func releasePath() throws {
        let path = Loopback.unixPath()
        defer { unlink(path) }
        var listener: Listener? = try Listener(on: .unix(UnixAddress(path: path)!))
        let address = try #require(listener?.localAddress)
        let released = Descriptor(try #require(listener).release().rawValue)
        listener = nil
        _ = try Socket(to: address)
        withExtendedLifetime(released) {}
    }

    @Test("release fails with EBUSY while a task accepts, and the accept continues")
    func busy() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        async let accepted = listener.accept()
        await listener.untilAccepting()
        let error = #expect(throws: SocketError.self) { try listener.release() }
        #expect(error?.errno == .resourceBusy)
        let client = try Socket(to: listener.localAddress)
        #expect(try await accepted.remoteAddress == client.localAddress)
    }

    @Test("a duplicate accepts clients after the original was closed")
    func duplicate() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let copy = try listener.duplicate()
        #expect(copy.localAddress == listener.localAddress)
        listener.close()
        let client = try Socket(to: copy.localAddress)
        #expect(try await copy.accept(timeout: .seconds(10)).remoteAddress == client.localAddress)
    }

    @Test("releasing a duplicate of the socket does not make a listener block its loop")
    func releaseOfTheTwin() async throws {
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0))
        let spare = try socket.duplicate()
        try await acceptsTwo(try adopt(socket)) {
            let released = Descriptor(try spare.release().rawValue)
            #expect(!released.isBlocking)
            return released
        }
    }

    @Test("releasing a duplicate of a listener does not make the listener block its loop")
    func releaseOfTheDuplicate() async throws {
        let group = try LoopGroup(loops: 1)
        let listener = try Listener(on: Loopback.ipv4, group: group)
        try await acceptsTwo(listener) {
            let released = Descriptor(try listener.duplicate().release().rawValue)
            #expect(!released.isBlocking)
            return released
        }
    }

    @Test("a listener does not block its loop after other code has cleared O_NONBLOCK")
    func clearedByOthers() async throws {
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0))
        let other = Descriptor(dup(socket.descriptor))
        try await acceptsTwo(try adopt(socket)) {
            _ = fcntl(other.number, F_SETFL, 0)
            return other
        }
    }

    @Test("a listener does not block its loop after a closure has cleared O_NONBLOCK")
    func clearedByClosure() async throws {
        let listener = try Listener(on: Loopback.ipv4, group: try LoopGroup(loops: 1))
        try await acceptsTwo(listener) {
            try clearMode(of: listener)
            return nil
        }
    }

    @Test("a listener does not block its loop while an async closure has cleared O_NONBLOCK")
    func clearedDuringClosure() async throws {
        let listener = try Listener(on: Loopback.ipv4, group: try LoopGroup(loops: 1))
        try await listener.withFileDescriptor { descriptor in
            _ = fcntl(descriptor.rawValue, F_SETFL, 0)
            try await acceptsTwo(listener) { nil }
        }
    }

    private func clearMode(of listener: Listener) throws {
        try listener.withFileDescriptor { _ = fcntl($0.rawValue, F_SETFL, 0) }
    }

    private func adopt(_ socket: Socket) throws -> Listener {
        try Listener(adopting: socket, group: try LoopGroup(loops: 1))
    }

    /// Checks that clients are served, one after the other, after `change`.
    ///
    /// A listener that blocks its only loop would never run the handler of the first client.
    private func acceptsTwo(
        _ listener: Listener, after change: () throws -> Descriptor?
    ) async throws {
        let kept = try change()
        defer { withExtendedLifetime(kept) {} }
        let serving = Task { try await listener.serve { try await $0.echo() } }
        for _ in 0..<2 {
            let address = listener.localAddress
            let echoed = try Background {
                let client = try Socket(to: address)
                try client.send("x")
                return try client.receive(timeout: .seconds(10))
            }.value()
            #expect(echoed == [0x78])
        }
        listener.close()
        try await serving.value
        listener.group.shutdown()
    }

    @Test("options of a listener are inherited by its connections")
    func options() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        try listener.setOption(.keepAlive, to: true)
        #expect(try listener.option(.keepAlive))
        let client = try Socket(to: listener.localAddress)
        #expect(try await listener.accept().option(.keepAlive))
        client.close()
        listener.close()
        let error = #expect(throws: SocketError.self) { try listener.option(.keepAlive) }
        #expect(error?.cause == .closed)
    }
}

extension Listener {
    /// Waits until a task is accepting.
    func untilAccepting() async {
        while !source.isReading.load(ordering: .acquiring) { await Task.yield() }
    }
}
