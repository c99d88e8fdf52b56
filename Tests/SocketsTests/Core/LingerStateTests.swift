import SystemPackage
import Testing

@testable import Sockets

/// Verifies that a close never waits, and that linger zero always resets.
@Suite("LingerState", .ownThread)
struct LingerStateTests {
    /// The ways to set `SO_LINGER`.
    enum Setting: CaseIterable {
        case option, raw, inherited, duplicate, releasedDuplicate

        func apply(to socket: Socket, _ seconds: Int32) throws {
            switch self {
            case .option: try socket.setOption(.linger, to: .seconds(Int64(seconds)))
            case .raw: try socket.setOption(.raw(level: 1, name: 13), to: Self.bytes(seconds))
            case .inherited: break
            case .duplicate:
                let copy = try socket.duplicate()
                try copy.setOption(.linger, to: .seconds(Int64(seconds)))
                copy.close()
            case .releasedDuplicate:
                let copy = try socket.duplicate()
                try copy.setOption(.linger, to: .seconds(Int64(seconds)))
                try copy.release().close()
            }
        }

        func apply(to connection: Connection, _ seconds: Int32) throws {
            switch self {
            case .option: try connection.setOption(.linger, to: .seconds(Int64(seconds)))
            case .raw: try connection.setOption(.raw(level: 1, name: 13), to: Self.bytes(seconds))
            case .inherited, .duplicate, .releasedDuplicate: break
            }
        }

        /// Whether a duplicate of a socket sets the option.
        var needsDuplicate: Bool { self == .duplicate || self == .releasedDuplicate }

        func options(_ seconds: Int32) -> ListenOptions {
            self == .inherited
                ? ListenOptions(socketOptions: [.set(.linger, to: .seconds(Int64(seconds)))])
                : ListenOptions()
        }

        /// The value of `struct linger`.
        private static func bytes(_ seconds: Int32) -> [UInt8] {
            [1, 0, 0, 0] + (0..<4).map { UInt8(truncatingIfNeeded: seconds >> ($0 * 8)) }
        }
    }

    /// Returns an accepted socket with the option, and its client.
    private func sockets(
        _ setting: Setting, _ seconds: Int32
    ) throws -> (server: Socket, client: Socket) {
        let listener = try Socket(
            on: .tcp("127.0.0.1", port: 0), options: setting.options(seconds))
        let client = try Socket(to: listener.localAddress)
        let server = try listener.accept(timeout: .seconds(10))
        try setting.apply(to: server, seconds)
        return (server, client)
    }

    /// Returns an accepted connection with the option, and its client.
    private func connections(
        _ setting: Setting, _ seconds: Int32
    ) async throws -> (server: Connection, client: Socket) {
        if setting.needsDuplicate {
            let (server, client) = try sockets(setting, seconds)
            return (try Connection(adopting: server), client)
        }
        let listener = try Listener(on: Loopback.ipv4, options: setting.options(seconds))
        let client = try Socket(to: listener.localAddress)
        let server = try await listener.accept(timeout: .seconds(10))
        try setting.apply(to: server, seconds)
        return (server, client)
    }

    /// Returns the error that a peer gets when it has read everything, or `nil` at a clean end.
    private func end(of socket: Socket) -> Errno? {
        do throws(SocketError) {
            while try !socket.receive(timeout: .seconds(10)).isEmpty {}
            return nil
        } catch {
            return error.errno ?? .timedOut
        }
    }

    @Test("closing a connection does not wait even if linger is set", arguments: Setting.allCases)
    func connectionDoesNotWait(setting: Setting) async throws {
        for isReading in [false, true] {
            let (server, client) = try await connections(setting, 10)
            let reading = isReading ? Task { try await server.read() } : nil
            if isReading {
                while !server.isReading { await Task.yield() }
            }
            await #expect(throws: SocketError.self) {
                try await server.write(
                    [UInt8](repeating: 1, count: 32 << 20), timeout: .milliseconds(20))
            }
            let start = ContinuousClock.now
            server.close()
            _ = await reading?.result
            #expect(start.duration(to: .now) < .seconds(5))
            #expect(end(of: client) == nil)
        }
    }

    @Test("closing a socket does not wait even if linger is set", arguments: Setting.allCases)
    func socketDoesNotWait(setting: Setting) throws {
        let (server, client) = try sockets(setting, 10)
        let sent = try Loopback.fill(server)
        let start = ContinuousClock.now
        server.close()
        #expect(start.duration(to: .now) < .seconds(5))
        // The kernel delivers the bytes all the same.
        #expect(try client.readAll(sent).count == sent)
        #expect(end(of: client) == nil)
    }

    @Test("closing a connection with unsent bytes and the linger option does not block the loop")
    func loopGoesOn() async throws {
        let group = try LoopGroup(loops: 1)
        let listener = try Listener(on: Loopback.ipv4, group: group)
        let serving = Task {
            try await listener.serve { connection in
                if try await connection.read(atMost: 1) == [0x70] {
                    return try await connection.write("pong")
                }
                try connection.setOption(.linger, to: .seconds(10))
                try? await connection.write(
                    [UInt8](repeating: 1, count: 32 << 20), timeout: .milliseconds(20))
                connection.close()
            }
        }
        let stuck = try Socket(to: listener.localAddress)
        try stuck.sendAll("x")
        #expect(try stuck.receive(atMost: 1, timeout: .seconds(10)) == [1])
        let start = ContinuousClock.now
        // The loop must serve these clients although the closed connection has unsent bytes.
        for _ in 0..<20 {
            let client = try Socket(to: listener.localAddress)
            try client.sendAll("p")
            #expect(try client.receive(timeout: .seconds(20)) == Array("pong".utf8))
        }
        #expect(start.duration(to: .now) < .seconds(5))
        serving.cancel()
        try await serving.value
        group.shutdown()
    }

    @Test(
        "closing a connection with linger zero resets it even while tasks read and write",
        arguments: Setting.allCases)
    func connectionResets(setting: Setting) async throws {
        for isInUse in [false, true] {
            let (server, client) = try await connections(setting, 0)
            try await server.write("abc")
            let tasks =
                isInUse
                ? [
                    Task { _ = try await server.read() },
                    Task { try await server.write([UInt8](repeating: 1, count: 32 << 20)) },
                ] : []
            if isInUse {
                while !server.isReading
                    || !server.isWriting
                { await Task.yield() }
            }
            server.close()
            #expect(end(of: client) == .connectionReset)
            for task in tasks {
                let error = await #expect(throws: SocketError.self) { try await task.value }
                #expect(error?.cause == .closed)
            }
        }
    }

    @Test(
        "closing a socket with linger zero resets it even while threads wait",
        arguments: Setting.allCases)
    func socketResets(setting: Setting) throws {
        for threads in [[], [true], [false], [true, false]] {
            let (server, client) = try sockets(setting, 0)
            let waiting = threads.map { isReading in
                Background {
                    if isReading {
                        _ = try server.receive()
                    } else {
                        try server.sendAll([UInt8](repeating: 1, count: 32 << 20))
                    }
                }
            }
            if !threads.isEmpty { try waitUntilAThreadWaits(on: server) }
            server.close()
            #expect(end(of: client) == .connectionReset)
            for thread in waiting {
                let error = #expect(throws: SocketError.self) { try thread.value() }
                #expect(error?.cause == .closed)
            }
        }
    }

    @Test("a cancelled handler with linger zero resets its connection")
    func cancelledHandler() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve(options: ServeOptions(gracePeriod: .zero)) { connection in
                try connection.setOption(.linger, to: .zero)
                try await connection.write("x")
                _ = try await connection.read()
            }
        }
        let client = try Socket(to: listener.localAddress)
        #expect(try client.receive(timeout: .seconds(10)) == [0x78])
        serving.cancel()
        #expect(end(of: client) == .connectionReset)
        try await serving.value
    }

    @Test("a Unix socket with linger zero closes, and wakes its threads")
    func unix() async throws {
        let (one, other) = try Socket.pair()
        try one.setOption(.linger, to: .zero)
        let receiving = Background { try one.receive() }
        try waitUntilAThreadWaits(on: one)
        one.close()
        let error = #expect(throws: SocketError.self) { try receiving.value() }
        #expect(error?.cause == .closed)
        #expect(end(of: other) == nil)
    }

    @Test("abort resets a connection that other tasks use, and discards unsent bytes")
    func connectionAborts() async throws {
        for isInUse in [false, true] {
            let (client, socket) = try Loopback.tcpPair()
            let server = try Connection(adopting: socket)
            try await server.write("abc")
            let reading = isInUse ? Task { try await server.read() } : nil
            if isInUse {
                while !server.isReading { await Task.yield() }
            }
            server.abort()
            #expect(server.isClosed)
            #expect(end(of: client) == .connectionReset)
            if let reading {
                let error = await #expect(throws: SocketError.self) { try await reading.value }
                #expect(error?.cause == .closed)
            }
            server.abort()
        }
    }

    @Test("abort resets a socket that other threads use, and discards the written bytes")
    func socketAborts() throws {
        for isInUse in [false, true] {
            let (client, server) = try Loopback.tcpPair()
            let reading = isInUse ? Background { try server.receive() } : nil
            if isInUse { try waitUntilAThreadWaits(on: server) }
            let stream = SocketStream(server)
            try stream.write("never sent")
            stream.abort()
            #expect(server.isClosed)
            #expect(end(of: client) == .connectionReset)
            if let reading {
                let error = #expect(throws: SocketError.self) { try reading.value() }
                #expect(error?.cause == .closed)
            }
            // Nothing is left to flush.
            try stream.close()
            server.abort()
        }
    }

    @Test("abort closes a Unix socket and a datagram socket, which have no reset")
    func abortsWithoutReset() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll("x")
        one.abort()
        #expect(try other.readAll(1) == Array("x".utf8))
        #expect(end(of: other) == nil)
        let udp = try Loopback.udp()
        udp.abort()
        #expect(udp.isClosed)
    }

    @Test("abort sends no closing alert of TLS", .needsOpenSSL)
    func abortsTLS() async throws {
        let (client, server) = try await TLSPeers.pair()
        try await server.write("abc")
        #expect(try await client.readExactly(3) == Array("abc".utf8))
        server.abort()
        let error = await #expect(throws: SocketError.self) { try await client.read() }
        #expect(error?.errno == .connectionReset)
    }
}
