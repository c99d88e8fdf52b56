import Dispatch
import SystemPackage
import Testing

@testable import Sockets

/// Each kind of operation inside `withTimeLimit`, with a peer that never lets it end.
@Suite("withTimeLimit: every operation", .ownThread, .timeLimit(.minutes(5)))
struct LimitedOperationsTests {
    /// An operation that would never end.
    ///
    /// `prepare` runs outside the limit.
    struct BlockingOperation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let prepare: @Sendable () throws -> () throws -> Void

        init(_ name: String, _ prepare: @escaping @Sendable () throws -> () throws -> Void) {
            (testDescription, self.prepare) = (name, prepare)
        }
    }

    /// See ``BlockingOperation``.
    struct AsyncOperation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let prepare: @Sendable () async throws -> () async throws -> Void

        init(
            _ name: String,
            _ prepare: @escaping @Sendable () async throws -> () async throws -> Void
        ) {
            (testDescription, self.prepare) = (name, prepare)
        }
    }

    private static let limit = TimeLimit.milliseconds(30)

    private static func expectLimit(_ error: SocketError?, since start: ContinuousClock.Instant) {
        let took = start.duration(to: .now)
        #expect(error?.cause == .timedOut(limit: nil))
        #expect(error?.hint == "withTimeLimit(30 ms) ended the operation.")
        #expect(took >= .milliseconds(30))
        #expect(took < .seconds(5))
    }

    /// Returns a Unix listener without room in its backlog, and the client that fills it.
    private static func fullListener(
        on endpoint: Endpoint = .unix("@" + Loopback.unixPath())
    ) throws -> (listener: Socket, first: Socket) {
        let full = try Socket(on: endpoint, options: .init(backlog: 0))
        return (full, try Socket(to: endpoint))
    }

    /// Returns two Unix sockets of which the first has no room to send.
    private static func fullPair() throws -> (Socket, Socket) {
        let pair = try Socket.pair()
        _ = try Loopback.fill(pair.0)
        return pair
    }

    /// Returns two packet connections of which the first has no room to send.
    private static func fullPacketPair() async throws -> (PacketConnection, PacketConnection) {
        let pair = try PacketConnection.pair()
        do throws(SocketError) {
            while true { try await pair.0.send("x", timeout: .milliseconds(20)) }
        } catch {
            guard error.isTimeout else { throw error }
        }
        return pair
    }

    /// Returns a pipe whose reading end is never ready.
    private static func emptyPipe() throws -> (reader: FileDescriptor, writer: Descriptor) {
        let ends = try System.pipe()
        return (FileDescriptor(rawValue: ends.reading), Descriptor(ends.writing))
    }

    /// Returns a proxy that accepts connections and never replies.
    private static func silentProxy() throws -> (listener: Socket, proxy: Proxy) {
        let listener = try Socket(on: Loopback.ipv4)
        let port = Port(listener.localAddress.port ?? 0)
        return (listener, .socks5(.tcp("127.0.0.1", port: port)))
    }

    private static let target = SocketAddress.ipv4(.loopback, port: 9)

    /// Returns a file that is larger than the buffers of a connection: this program.
    private static func largeFile() throws -> FileDescriptor {
        try FileDescriptor.open("/proc/self/exe", .readOnly, options: .closeOnExec)
    }

    // MARK: Threads

    private static let blockingOperations = [
        BlockingOperation("connect") {
            let (full, first) = try fullListener()
            return {
                defer { first.close() }
                _ = try Socket(to: full.localAddress)
            }
        },
        BlockingOperation("connect through a proxy") {
            let (listener, proxy) = try silentProxy()
            return {
                defer { listener.close() }
                _ = try Socket(to: target, options: .init(through: proxy))
            }
        },
        BlockingOperation("name lookup") {
            let gate = DispatchSemaphore(value: 0)
            return {
                defer { gate.signal() }
                try Lookup.result(
                    until: Deadline(startingNow: .never),
                    orThrow: { SocketError(.lookUpHost, $0) }
                ) { () throws(HostCallFailure) in gate.wait() }
            }
        },
        BlockingOperation("accept") {
            let listener = try Socket(on: Loopback.ipv4)
            return { _ = try listener.accept() }
        },
        BlockingOperation("serve(threads:)") {
            let listener = try Socket(on: Loopback.ipv4)
            return { try listener.serve(threads: 2) { _ in } }
        },
        operation("receive") { _ = try $0.receive() },
        operation("receive with descriptors") { _ = try $0.receive(descriptorsAtMost: 1) },
        operation("awaitHangup") { try $0.awaitHangup() },
        operation("exchange") { _ = try $0.exchange("x", reading: .line) },
        operation("readLine") { _ = try SocketStream($0).readLine() },
        operation("readExactly") { _ = try SocketStream($0).readExactly(2) },
        operation("join") {
            let (back, server) = try Socket.pair()
            defer { server.close() }
            try SocketStream($0).join(SocketStream(back))
        },
        fullOperation("send") { _ = try $0.send("x") },
        fullOperation("sendAll") { try $0.sendAll("x") },
        fullOperation("sendAll(parts:)") { try $0.sendAll(parts: [[1], [2]]) },
        fullOperation("sendFile") {
            let file = try largeFile()
            defer { try? file.close() }
            _ = try $0.sendFile(file)
        },
        fullOperation("flush") {
            let stream = SocketStream($0)
            try stream.write("x")
            try stream.flush()
        },
        BlockingOperation("receiveFrom") {
            let socket = try Loopback.udp()
            return { _ = try socket.receiveFrom() }
        },
        BlockingOperation("receivePacket") {
            let (one, other) = try Socket.pair(.sequencedPacket)
            return {
                defer { other.close() }
                _ = try one.receivePacket()
            }
        },
        BlockingOperation("send of a Unix datagram") {
            let (one, other) = try Socket.pair(.datagram)
            do throws(SocketError) {
                while true { _ = try one.send("x", timeout: .milliseconds(20)) }
            } catch {
                guard error.isTimeout else { throw error }
            }
            return {
                defer { other.close() }
                _ = try one.send("x")
            }
        },
    ]

    /// Returns an operation on a socket whose peer is silent.
    private static func operation(
        _ name: String, _ body: @escaping @Sendable (Socket) throws -> Void
    ) -> BlockingOperation {
        BlockingOperation(name) {
            let (one, other) = try Socket.pair()
            return {
                defer { other.close() }
                try body(one)
            }
        }
    }

    /// Returns an operation on a socket whose peer does not read.
    private static func fullOperation(
        _ name: String, _ body: @escaping @Sendable (Socket) throws -> Void
    ) -> BlockingOperation {
        BlockingOperation(name) {
            let (one, other) = try fullPair()
            return {
                defer { other.close() }
                try body(one)
            }
        }
    }

    @Test("a limit ends a blocking operation", arguments: blockingOperations)
    func blocking(_ operation: BlockingOperation) throws {
        let run = try operation.prepare()
        let start = ContinuousClock.now
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(Self.limit) { try run() }
        }
        Self.expectLimit(error, since: start)
    }

    @Test("a limit ends a blocking operation on a thread that runs no task")
    func outsideOfTasks() throws {
        let operation = Self.operation("receive") { _ = try $0.receive() }
        let start = ContinuousClock.now
        let error = try Background { () -> SocketError? in
            do {
                try withTimeLimit(Self.limit, operation.prepare())
                return nil
            } catch {
                return error as? SocketError
            }
        }.value()
        Self.expectLimit(error, since: start)
    }

    @Test("a limit ends a blocking TLS handshake", .needsOpenSSL)
    func blockingHandshake() throws {
        let (client, server) = try Loopback.tcpPair()
        let configuration = try TLSPeers.client()
        let start = ContinuousClock.now
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(Self.limit) { try client.startTLS(configuration) }
        }
        Self.expectLimit(error, since: start)
        server.close()
    }

    @Test("after the limit, a blocking operation fails at once even if it need not wait")
    func readyBlockingOperation() throws {
        let (one, other) = try Socket.pair()
        try other.sendAll("x")
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(.seconds(0)) { try one.receive() }
        }
        #expect(error?.hint == "withTimeLimit(0 ms) ended the operation.")
        #expect(error?.stallReport == nil)
        #expect(try one.receive() == [0x78])
    }

    @Test("after the limit, a blocking exchange sends nothing")
    func lateExchange() throws {
        let (one, other) = try Socket.pair()
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(.seconds(0)) { try one.exchange("x", reading: .line) }
        }
        #expect(error?.hint == "withTimeLimit(0 ms) ended the operation.")
        one.close()
        #expect(try other.receive(timeout: .seconds(20)) == [])
    }

    @Test("a limit ends a blocking join whose peers always keep up")
    func blockingJoin() throws {
        let (client, front) = try Socket.pair()
        let (back, server) = try Socket.pair()
        let ends = [Background { try Self.sendForever(client) }, Background { Self.drain(server) }]
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(Self.limit) { try SocketStream(front).join(SocketStream(back)) }
        }
        #expect(error?.cause == .timedOut(limit: nil))
        #expect(error?.description.contains("timed out") == true)
        front.close()
        back.close()
        for end in ends { try end.value() }
    }

    /// Sends until the connection breaks.
    private static func sendForever(_ socket: Socket) throws {
        let block = [UInt8](repeating: 0x61, count: 4096)
        do throws(SocketError) {
            while true { try socket.sendAll(block, timeout: .seconds(20)) }
        } catch {
            guard error.errno != nil else { throw error }
        }
    }

    private static func drain(_ socket: Socket) { _ = socket.drain() }

    // MARK: Tasks

    private static let asyncOperations = [
        AsyncOperation("connect") {
            let (full, first) = try fullListener()
            return {
                defer { first.close() }
                _ = try await Connection(to: full.localAddress)
            }
        },
        AsyncOperation("connect through a proxy") {
            let (listener, proxy) = try silentProxy()
            return {
                defer { listener.close() }
                _ = try await Connection(to: target, options: .init(through: proxy))
            }
        },
        AsyncOperation("name lookup") {
            let gate = DispatchSemaphore(value: 0)
            return {
                defer { gate.signal() }
                try await Lookup.answer(
                    until: Deadline(startingNow: .never), on: LoopGroup.shared.loops[0]
                ) { () throws(SocketError) in gate.wait() }
            }
        },
        AsyncOperation("accept") {
            let listener = try Listener(on: Loopback.ipv4)
            return { _ = try await listener.accept() }
        },
        AsyncOperation("a loop over a listener") {
            let listener = try Listener(on: Loopback.ipv4)
            return { for try await _ in listener {} }
        },
        AsyncOperation("serve") {
            let listener = try Listener(on: Loopback.ipv4)
            return { try await listener.serve { _ in } }
        },
        operation("read") { _ = try await $0.read() },
        operation("withReceived") { _ = try await $0.withReceived { $0.byteCount } },
        operation("readLine") { _ = try await $0.readLine() },
        operation("a loop over lines") { for try await _ in $0.lines {} },
        operation("read(parsing:)") {
            _ = try await $0.read { _ -> (consumed: Int, value: Int)? in nil }
        },
        operation("receive with descriptors") { _ = try await $0.receive(descriptorsAtMost: 1) },
        operation("awaitHangup") { try await $0.awaitHangup() },
        operation("exchange") { _ = try await $0.exchange("x", reading: .line) },
        operation("echo") { _ = try await $0.echo() },
        operation("copy") {
            let (back, server) = try Connection.pair()
            defer { server.close() }
            _ = try await $0.copy(to: back)
        },
        operation("join") {
            let (back, server) = try Connection.pair()
            defer { server.close() }
            try await $0.join(back)
        },
        fullOperation("write") { try await $0.write("x") },
        fullOperation("write(parts:)") { try await $0.write(parts: [[1], [2]]) },
        fullOperation("sendFile") {
            let file = try largeFile()
            defer { try? file.close() }
            _ = try await $0.sendFile(file)
        },
        AsyncOperation("receive of a datagram") {
            let channel = try DatagramChannel(on: Loopback.ipv4)
            return { _ = try await channel.receive() }
        },
        AsyncOperation("a loop over a channel") {
            let channel = try DatagramChannel(on: Loopback.ipv4)
            return { for try await _ in channel {} }
        },
        fullOperation("flush") {
            let writer = BufferedWriter($0)
            try await writer.write("x")
            try await writer.flush()
        },
        AsyncOperation("connect of a packet connection") {
            let (full, first) = try fullListener(
                on: .unixSequencedPacket("@" + Loopback.unixPath()))
            return {
                defer { first.close() }
                _ = try await PacketConnection(to: full.localAddress)
            }
        },
        AsyncOperation("acceptPacketConnection") {
            let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
            let listener = try await Listener(on: endpoint)
            return { _ = try await listener.acceptPacketConnection() }
        },
        AsyncOperation("receive of a packet") {
            let (one, other) = try PacketConnection.pair()
            return {
                defer { other.close() }
                _ = try await one.receive()
            }
        },
        AsyncOperation("send of a packet") {
            let (one, other) = try await fullPacketPair()
            return {
                defer { other.close() }
                try await one.send("x")
            }
        },
        AsyncOperation("read of a pipe") {
            let (reader, writer) = try emptyPipe()
            let stream = try DescriptorStream(adopting: reader)
            return {
                defer { withExtendedLifetime(writer) {} }
                _ = try await stream.readLine()
            }
        },
        AsyncOperation("read of a memory stream") {
            let (one, other) = try MemoryStream.pair()
            return {
                defer { other.close() }
                _ = try await one.readExactly(2)
            }
        },
        AsyncOperation("write of a memory stream") {
            let (one, other) = try MemoryStream.pair(capacity: 1)
            return {
                defer { other.close() }
                try await one.write("ab")
            }
        },
        AsyncOperation("wait for a descriptor") {
            let (reader, writer) = try emptyPipe()
            let owner = Descriptor(reader.rawValue)
            return {
                defer { withExtendedLifetime((owner, writer)) {} }
                try await Readiness.wait(for: reader, .readable)
            }
        },
    ]

    /// Returns an operation on a connection whose peer is silent.
    private static func operation(
        _ name: String, _ body: @escaping @Sendable (Connection) async throws -> Void
    ) -> AsyncOperation {
        AsyncOperation(name) {
            let (one, other) = try Connection.pair()
            return {
                defer { other.close() }
                try await body(one)
            }
        }
    }

    /// Returns an operation on a connection whose peer does not read.
    private static func fullOperation(
        _ name: String, _ body: @escaping @Sendable (Connection) async throws -> Void
    ) -> AsyncOperation {
        AsyncOperation(name) {
            let (one, other) = try fullPair()
            let connection = try Connection(adopting: one)
            return {
                defer { other.close() }
                try await body(connection)
            }
        }
    }

    @Test("a limit ends an async operation", arguments: asyncOperations)
    func asynchronous(_ operation: AsyncOperation) async throws {
        let run = try await operation.prepare()
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(Self.limit) { try await run() }
        }
        Self.expectLimit(error, since: start)
    }

    @Test("a limit ends the wait for another task's write")
    func queuedWrite() async throws {
        let (one, other) = try Self.fullPair()
        let connection = try Connection(adopting: one)
        try connection.source.beginWritingAtOnce()
        defer { connection.source.endWriting() }
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(Self.limit) { try await connection.write("x") }
        }
        #expect(error?.cause == .timedOut(limit: nil))
        other.close()
    }

    @Test("a limit ends an async TLS handshake", .needsOpenSSL)
    func asyncHandshake() async throws {
        let (one, other) = try Connection.pair()
        let configuration = try TLSPeers.client()
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(Self.limit) { try await one.startTLS(configuration) }
        }
        Self.expectLimit(error, since: start)
        other.close()
    }

    @Test(
        "a limit ends a loop of async operations that never wait", arguments: [true, false])
    func readyAsyncOperations(isOnLoop: Bool) async throws {
        let (one, other) = try Connection.pair()
        let channel = try DatagramChannel(on: Loopback.ipv4)
        let count = 65536
        try await other.write([UInt8](repeating: 1, count: count))
        let loops: [(EventLoop, @Sendable () async throws -> Void)] = [
            (one.source.loop, { while try await !one.read(atMost: 1).isEmpty {} }),
            (
                channel.source.loop,
                { while true { _ = try await channel.send("x", to: Self.target) } }
            ),
        ]
        for (eventLoop, loop) in loops {
            let task = Task(executorPreference: isOnLoop ? eventLoop : nil) {
                try await withTimeLimit(.seconds(0)) { try await loop() }
            }
            let error = await #expect(throws: SocketError.self) { try await task.value }
            #expect(error?.hint == "withTimeLimit(0 ms) ended the operation.")
        }
        // The loop ended after the 32 operations after which a task yields, or before.
        var rest = 0
        while rest < count - 33 { rest += try await one.read(timeout: .seconds(20)).count }
    }

    @Test("a limit ends a loop of ready operations that suspends after each of them")
    func suspendingLoop() async throws {
        let (one, other) = try Connection.pair()
        let count = 65536
        try await other.write([UInt8](repeating: 1, count: count))
        let task = Task(executorPreference: one.source.loop) {
            try await withTimeLimit(.seconds(0)) {
                // Each resumption is a new job, which has not used up its budget of operations.
                while try await !one.read(atMost: 1).isEmpty { await Task.yield() }
            }
        }
        let error = await #expect(throws: SocketError.self) { try await task.value }
        #expect(error?.hint == "withTimeLimit(0 ms) ended the operation.")
        var rest = 0
        while rest < count - 33 { rest += try await one.read(timeout: .seconds(20)).count }
    }

    @Test("after the limit, Readiness.wait fails even if the descriptor is ready")
    func readyDescriptor() async throws {
        let (reader, writer) = try Self.emptyPipe()
        let owner = Descriptor(reader.rawValue)
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(.seconds(0)) {
                try await Readiness.wait(for: FileDescriptor(rawValue: writer.number), .writable)
            }
        }
        #expect(error?.hint == "withTimeLimit(0 ms) ended the operation.")
        withExtendedLifetime((owner, writer)) {}
    }

    @Test("a limit ends an async join whose peers always keep up")
    func asyncJoin() async throws {
        let (client, front) = try Socket.pair()
        let (back, server) = try Socket.pair()
        let ends = [Background { try Self.sendForever(client) }, Background { Self.drain(server) }]
        let (here, there) = (try Connection(adopting: front), try Connection(adopting: back))
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(Self.limit) { try await here.join(there) }
        }
        #expect(error?.cause == .timedOut(limit: nil))
        here.close()
        there.close()
        for end in ends { try await end.result() }
    }

    // MARK: Servers

    @Test("a limit around serve applies to its handlers, and no descriptor stays open")
    func serve() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let client = try Socket(to: listener.localAddress)
        let hints = Lock<[String?]>([])
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(.milliseconds(200)) {
                try await listener.serve { connection in
                    do throws(SocketError) {
                        _ = try await connection.read(timeout: .seconds(20))
                    } catch {
                        hints.withLock { $0.append(error.hint) }
                    }
                }
            }
        }
        #expect(error?.operation == .accept)
        #expect(error?.isTimeout == true)
        #expect(hints.withLock { $0 } == ["withTimeLimit(200 ms) ended the operation."])
        #expect(listener.isClosed)
        #expect(client.drain().error == nil)
    }

    @Test("a limit around serve(threads:) applies to its handlers, and the socket is closed")
    func serveThreads() throws {
        let listener = try Socket(on: Loopback.ipv4)
        let client = try Socket(to: listener.localAddress)
        let hints = Lock<[String?]>([])
        let error = #expect(throws: SocketError.self) {
            try withTimeLimit(.milliseconds(200)) {
                try listener.serve(threads: 2) { connection in
                    do throws(SocketError) {
                        _ = try connection.receive(timeout: .seconds(20))
                    } catch {
                        hints.withLock { $0.append(error.hint) }
                    }
                }
            }
        }
        #expect(error?.operation == .accept)
        #expect(error?.isTimeout == true)
        #expect(hints.withLock { $0 } == ["withTimeLimit(200 ms) ended the operation."])
        #expect(listener.isClosed)
        #expect(client.drain().error == nil)
    }

    @Test("a limit ends serve while it waits for a free slot")
    func waitForSlot() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let clients = try (0..<2).map { _ in try Socket(to: listener.localAddress) }
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(.milliseconds(200)) {
                try await listener.serve(
                    options: ServeOptions(maximumConnections: 1, gracePeriod: .zero)
                ) { connection in
                    // This wait is not an operation of the library.
                    try await Task.sleep(for: .seconds(60))
                }
            }
        }
        #expect(error?.isTimeout == true)
        #expect(start.duration(to: .now) < .seconds(20))
        for client in clients { client.close() }
    }
}
