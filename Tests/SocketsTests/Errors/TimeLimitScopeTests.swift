import Synchronization
import Testing

@testable import Sockets

/// Nesting, inheritance and the end of `withTimeLimit`, which are the same in both halves.
@Suite("withTimeLimit", .ownThread)
struct TimeLimitScopeTests {
    private static let short = TimeLimit.milliseconds(20)
    private static let long = TimeLimit.seconds(60)
    private static let hint = "withTimeLimit(20 ms) ended the operation."

    @Test("the closure's result is returned, and its typed error is thrown")
    func results() async {
        struct Oops: Error {}
        func fail(_ fails: Bool) throws(Oops) -> Int {
            guard fails else { return 7 }
            throw Oops()
        }
        func blocking(_ fails: Bool) throws(Oops) -> Int {
            try withTimeLimit(Self.long) { () throws(Oops) in try fail(fails) }
        }
        #expect((try? blocking(false)) == 7)
        #expect(throws: Oops.self) { try blocking(true) }
        func asynchronous(_ fails: Bool) async throws(Oops) -> Int {
            try await withTimeLimit(Self.long) { () async throws(Oops) in
                await Task.yield()
                return try fail(fails)
            }
        }
        #expect((try? await asynchronous(false)) == 7)
        await #expect(throws: Oops.self) { try await asynchronous(true) }
    }

    @Test("the earlier of two nested limits ends an operation, and the error names it")
    func nesting() async throws {
        let (socket, peer) = try Socket.pair()
        let (connection, other) = try Connection.pair()
        for (outer, inner) in [(Self.short, Self.long), (Self.long, Self.short)] {
            let error = #expect(throws: SocketError.self) {
                try withTimeLimit(outer) { try withTimeLimit(inner) { _ = try socket.receive() } }
            }
            #expect(error?.hint == Self.hint)
            let asyncError = await #expect(throws: SocketError.self) {
                try await withTimeLimit(outer) {
                    try await withTimeLimit(inner) { try await connection.read() }
                }
            }
            #expect(asyncError?.hint == Self.hint)
        }
        withExtendedLifetime((peer, other)) {}
    }

    @Test("an outer limit still applies after an inner limit has ended")
    func outerAfterInner() async throws {
        let (connection, other) = try Connection.pair()
        try await other.write("x")
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(.milliseconds(400)) {
                let bytes = try await withTimeLimit(.milliseconds(300)) {
                    try await connection.read()
                }
                #expect(bytes == [0x78])
                _ = try await connection.read()
            }
        }
        #expect(error?.hint == "withTimeLimit(400 ms) ended the operation.")
    }

    @Test("the earlier of withTimeLimit and `timeout:` ends an operation")
    func ownTimeout() async throws {
        let (socket, peer) = try Socket.pair()
        let (connection, other) = try Connection.pair()
        let own = SocketError.Cause.timedOut(limit: .milliseconds(20))
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(Self.long) { _ = try socket.receive(timeout: Self.short) }
        }
        #expect(error?.cause == own)
        #expect(error?.hint == nil)
        let later = #expect(throws: SocketError.self) {
            try withTimeLimit(Self.short) { _ = try socket.receive(timeout: Self.long) }
        }
        #expect(later?.cause == .timedOut(limit: nil))
        let asyncError = await #expect(throws: SocketError.self) {
            try await withTimeLimit(Self.long) { try await connection.read(timeout: Self.short) }
        }
        #expect(asyncError?.cause == own)
        #expect(asyncError?.hint == nil)
        let asyncLater = await #expect(throws: SocketError.self) {
            try await withTimeLimit(Self.short) { try await connection.read(timeout: Self.long) }
        }
        #expect(asyncLater?.cause == .timedOut(limit: nil))
        withExtendedLifetime((peer, other)) {}
    }

    @Test("a limit that is an instant ends an operation, and `.never` changes nothing")
    func kinds() async throws {
        let (socket, peer) = try Socket.pair()
        let end = ContinuousClock.now + .milliseconds(20)
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(.until(end)) { _ = try socket.receive() }
        }
        #expect(error?.hint == "withTimeLimit ended the operation at its instant.")
        #expect(ContinuousClock.now >= end)
        let nested = #expect(throws: SocketError.self) {
            try withTimeLimit(Self.short) { try withTimeLimit(.never) { _ = try socket.receive() } }
        }
        #expect(nested?.hint == Self.hint)
        try peer.sendAll("x")
        #expect(try withTimeLimit(.never) { try socket.receive() } == [0x78])
    }

    @Test("TimeLimit.deadline() is the same inside and outside withTimeLimit")
    func sharedDeadline() {
        withTimeLimit(Self.long) { #expect(TimeLimit.never.deadline() == .never) }
    }

    @Test("the limit applies on the calling thread, but not on a thread that the closure starts")
    func threads() throws {
        let (socket, peer) = try Socket.pair()
        let (isOtherLimited, hint) = try Background { () throws -> (Bool, String?) in
            try withTimeLimit(Self.short) { () throws -> (Bool, String?) in
                let isOtherLimited = try Background { TimeLimitScope.current != nil }.value()
                do throws(SocketError) {
                    _ = try socket.receive(timeout: .seconds(20))
                    return (isOtherLimited, nil)
                } catch {
                    return (isOtherLimited, error.hint)
                }
            }
        }.value()
        #expect(!isOtherLimited)
        #expect(hint == Self.hint)
        withExtendedLifetime(peer) {}
    }

    @Test("the limit applies to child tasks, also on a loop's thread")
    func childTasks() async throws {
        let (one, other) = try Connection.pair()
        let hints = await withTimeLimit(Self.short) {
            await withTaskGroup(of: String?.self) { tasks in
                for connection in [one, other] {
                    tasks.addTask(executorPreference: connection.source.loop) {
                        do throws(SocketError) {
                            _ = try await connection.read(timeout: .seconds(20))
                            return nil
                        } catch {
                            return error.hint
                        }
                    }
                }
                return await tasks.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(hints == [Self.hint, Self.hint])
    }

    @Test("an unstructured task that outlives the closure has no limit afterwards")
    func unstructuredTask() async throws {
        let (one, other) = try Connection.pair()
        let (opened, gate) = AsyncStream.makeStream(of: Void.self)
        // The outer limit exists in the process, so the task does not skip the lookup.
        try await withTimeLimit(Self.long) {
            let outer = TimeLimitScope.currentEnd
            let task: Task<[UInt8], any Error> = withTimeLimit(Self.short) {
                Task {
                    for await _ in opened { break }
                    #expect(TimeLimitScope.currentEnd == outer)
                    return try await one.read(timeout: .seconds(20))
                }
            }
            let error = await #expect(throws: SocketError.self) {
                try await withTimeLimit(Self.short) { try await other.read() }
            }
            #expect(error?.isTimeout == true)
            gate.yield()
            try await other.write("x")
            #expect(try await task.value == [0x78])
        }
    }

    @Test("a longer limit in an unstructured task still applies after the outer limit has ended")
    func innerOutlivesOuter() async throws {
        let (one, other) = try Connection.pair()
        let (opened, gate) = AsyncStream.makeStream(of: Void.self)
        let (entered, entrance) = AsyncStream.makeStream(of: Void.self)
        let inner = TimeLimit.milliseconds(400)
        let task = await withTimeLimit(.milliseconds(300)) {
            let task = Task {
                try await withTimeLimit(inner) {
                    entrance.yield()
                    for await _ in opened { break }
                    _ = try await one.read(timeout: .seconds(20))
                }
            }
            for await _ in entered { break }
            return task
        }
        gate.yield()
        let error = await #expect(throws: SocketError.self) { try await task.value }
        #expect(error?.hint == "withTimeLimit(400 ms) ended the operation.")
        withExtendedLifetime(other) {}
    }

    @Test("a thread of the library inherits a longer limit after the outer limit has ended")
    func inheritedByThread() async throws {
        let (opened, gate) = AsyncStream.makeStream(of: Void.self)
        let (entered, entrance) = AsyncStream.makeStream(of: Void.self)
        let isLimited = Lock(false)
        let task = await withTimeLimit(Self.long) {
            let task = Task {
                await withTimeLimit(.seconds(120)) {
                    let look = TimeLimitScope.inheriting {
                        isLimited.withLock { $0 = TimeLimitScope.current != nil }
                    }
                    entrance.yield()
                    for await _ in opened { break }
                    _ = try? await Background(look).result()
                }
            }
            for await _ in entered { break }
            return task
        }
        gate.yield()
        await task.value
        #expect(isLimited.withLock { $0 })
    }

    @Test("after the closure, operations have no limit, and no timer is left")
    func afterwards() async throws {
        let (one, other) = try Connection.pair()
        await #expect(throws: SocketError.self) {
            try await withTimeLimit(Self.short) { try await one.read() }
        }
        let deadline = one.source.withState(.reading) { $0.deadline.load(ordering: .relaxed) }
        #expect(deadline == .max)
        #expect(TimeLimitScope.currentEnd == .max)
        async let read = one.read(timeout: .seconds(20))
        // The limit passes while the read waits.
        await #expect(throws: SocketError.self) { try await other.read(timeout: .milliseconds(30)) }
        try await other.write("x")
        #expect(try await read == [0x78])
    }

    @Test("after a limit has ended a read, no byte is lost, and the connection is usable")
    func usableAfterwards() async throws {
        let (one, other) = try Connection.pair()
        try await other.write("ab")
        await #expect(throws: SocketError.self) {
            try await withTimeLimit(Self.short) { try await one.readExactly(3) }
        }
        try await other.write("c")
        #expect(try await one.readExactly(3) == Array("abc".utf8))
    }

    @Test("the error of a limit has a stall report")
    func stallReport() async throws {
        let (client, server) = try Loopback.tcpPair()
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(Self.short) { _ = try client.receive() }
        }
        #expect(error?.stallReport != nil)
        let connection = try Connection(adopting: client)
        let asyncError = await #expect(throws: SocketError.self) {
            try await withTimeLimit(Self.short) { try await connection.read() }
        }
        #expect(asyncError?.stallReport != nil)
        withExtendedLifetime(server) {}
    }
}
