import Synchronization
import Testing

@testable import Sockets

@Suite("withConnection", .ownThread)
struct ConnectionScopeTests {
    struct Oops: Error {}

    /// Calls `body` with the address of a listener, and returns the accepted connections.
    private func listening(
        _ body: (SocketAddress) async throws -> Void
    ) async throws -> [Connection] {
        let listener = try Listener(on: Loopback.ipv4)
        try await body(listener.localAddress)
        var accepted: [Connection] = []
        while let connection = try? await listener.accept(timeout: .seconds(0)) {
            accepted.append(connection)
        }
        return accepted
    }

    @Test("the closure's result is returned, and the peer receives every byte and EOF")
    func result() async throws {
        let used = Lock<Connection?>(nil)
        let accepted = try await listening { address in
            let result = try await withConnection(to: address) { connection in
                used.withLock { $0 = connection }
                try await connection.write(pattern(100_000))
                return 7
            }
            #expect(result == 7)
        }
        #expect(used.withLock { $0?.isClosed } == true)
        let peer = try #require(accepted.first)
        #expect(try await peer.readToEnd(timeout: .seconds(20)) == pattern(100_000))
    }

    @Test("an endpoint is resolved, and its connection is closed")
    func endpoint() async throws {
        let accepted = try await listening { address in
            let port = Port(address.port ?? 0)
            try await withConnection(to: .tcp("127.0.0.1", port: port)) { try await $0.write("x") }
        }
        #expect(try await accepted.first?.readToEnd(timeout: .seconds(20)) == [0x78])
    }

    @Test("the closure's error is thrown, and the connection is closed")
    func failure() async throws {
        let accepted = try await listening { address in
            await #expect(throws: Oops.self) {
                try await withConnection(to: address) { connection in
                    try await connection.write("x")
                    throw Oops()
                }
            }
        }
        #expect(try await accepted.first?.readToEnd(timeout: .seconds(20)) == [0x78])
    }

    @Test("a failed connect throws its error and does not call the closure")
    func refused() async throws {
        let (holder, address) = try Loopback.refusingPort()
        let error = await #expect(throws: SocketError.self) {
            try await withConnection(to: address) { _ in Issue.record("the closure was called") }
        }
        #expect(error?.errno == .connectionRefused)
        withExtendedLifetime(holder) {}
    }

    @Test("a closure that has closed the connection itself succeeds")
    func closedInside() async throws {
        let accepted = try await listening { address in
            try await withConnection(to: address) { await $0.finish(timeout: .seconds(0)) }
        }
        #expect(try await accepted.first?.readToEnd(timeout: .seconds(20)) == [])
    }

    @Test("a cancellation ends the read of the scope's task and the reads of other tasks")
    func cancellation() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let (connections, connected) = AsyncStream.makeStream(of: Connection.self)
        let owner = Task {
            try await withConnection(to: listener.localAddress) { connection in
                connected.yield(connection)
                _ = try await connection.read(timeout: .seconds(20))
            }
        }
        let connection = try #require(await connections.first { _ in true })
        let peer = try await listener.accept()
        // This task is not a child of the owner.
        let hangup = Task { try await connection.awaitHangup(timeout: .seconds(20)) }
        #expect(await eventually { connection.source.rareWakeups.isCreated })
        owner.cancel()
        let error = await #expect(throws: SocketError.self) { try await owner.value }
        #expect(error?.cause == .cancelled || error?.cause == .closed)
        let other = await #expect(throws: SocketError.self) { try await hangup.value }
        #expect(other?.cause == .closed)
        #expect(try await peer.read(timeout: .seconds(20)).isEmpty)
    }

    @Test("a cancellation before the connect does not call the closure")
    func cancelledBefore() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            for await _ in started { break }
            try await withConnection(to: listener.localAddress) { connection in
                // The connect may have succeeded before it noticed the cancellation.
                #expect(connection.isClosed)
            }
        }
        task.cancel()
        start.yield()
        _ = await task.result
    }

    @Test("the waits of the scope's task need no cancellation handler of their own")
    func owner() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        try await withConnection(to: listener.localAddress) { connection in
            let peer = try await listener.accept()
            let identity = CurrentTask.identity
            #expect(connection.source.hasOwner(identity))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { #expect(!connection.source.hasOwner(CurrentTask.identity)) }
                try await tasks.waitForAll()
            }
            // The read waits in a child task, with a handler of its own.
            async let read = connection.read(timeout: .seconds(20))
            try await peer.write("x")
            #expect(try await read == [0x78])
        }
    }

    @Test("withTimeLimit around a scope limits the connect and the closure together")
    func timeLimit() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(.milliseconds(50)) {
                try await withConnection(to: listener.localAddress) { try await $0.read() }
            }
        }
        #expect(error?.hint == "withTimeLimit(50 ms) ended the operation.")
        let peer = try await listener.accept()
        #expect(try await peer.read(timeout: .seconds(20)).isEmpty)
    }

    @Test("no outcome leaks a descriptor")
    func descriptors() async {
        // Other tests open descriptors too, so this test needs a process of its own.
        await #expect(processExitsWith: .success) {
            let listener = try Listener(on: Loopback.ipv4)
            let address = listener.localAddress
            // The first connection starts the loops.
            try await withConnection(to: address) { _ in }
            _ = try await listener.accept()
            await startLoops()
            let before = openDescriptors()
            for round in 0..<100 {
                let task = Task {
                    try await withTimeLimit(round % 4 == 0 ? .milliseconds(1) : .seconds(20)) {
                        try await withConnection(to: address) { connection in
                            switch round % 4 {
                            case 0, 1: _ = try await connection.read()
                            case 2: throw Oops()
                            default: break
                            }
                        }
                    }
                }
                if round % 4 == 1 { task.cancel() }
                _ = await task.result
                while let peer = try? await listener.accept(timeout: .seconds(0)) { peer.close() }
            }
            let isReleased = await eventually { openDescriptors() <= before }
            precondition(isReleased, "\(openDescriptors()) after \(before)")
        }
    }
}
