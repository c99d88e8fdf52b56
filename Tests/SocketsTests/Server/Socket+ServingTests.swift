import Glibc
import Logging
import Testing

@testable import Sockets

@Suite("Socket: serve", .ownThread)
struct SocketServingTests {
    /// A server that runs on a thread of its own.
    private struct Serving {
        let listener: Socket
        let server: Background<Void>

        init(
            on address: SocketAddress = Loopback.ipv4, threads: Int = 4,
            options: ServeOptions = ServeOptions(),
            _ handler: @escaping @Sendable (Socket) throws -> Void
        ) throws {
            let listener = try Socket(on: address)
            self.listener = listener
            server = Background {
                try listener.serve(threads: threads, options: options, handler)
            }
        }

        func client() throws -> Socket { try Socket(to: listener.localAddress) }

        func stop() throws {
            listener.close()
            try server.value()
        }
    }

    /// Sends back all bytes until the client half-closes.
    private static let echo: @Sendable (Socket) throws -> Void = { client in
        while case let bytes = try client.receive(timeout: .seconds(10)), !bytes.isEmpty {
            try client.sendAll(bytes, timeout: .seconds(10))
        }
    }

    @Test("each client is served, even if its thread has served other clients before")
    func serves() throws {
        let serving = try Serving(Self.echo)
        for round in 0..<3 {
            let clients = try (0..<4).map { _ in try serving.client() }
            for (index, client) in clients.enumerated() {
                try client.sendAll("\(round) \(index)")
                try client.shutdown(.write)
            }
            for (index, client) in clients.enumerated() {
                #expect(client.drain().bytes == Array("\(round) \(index)".utf8))
            }
        }
        try serving.stop()
    }

    @Test("clients of a Unix socket are served, and the end of the server removes the socket file")
    func servesUnixClients() throws {
        let path = Loopback.unixPath()
        let address = SocketAddress.unix(try #require(UnixAddress(path: path)))
        let serving = try Serving(on: address, threads: 2, Self.echo)
        let clients = try (0..<2).map { _ in try serving.client() }
        for (index, client) in clients.enumerated() {
            #expect(client.remoteAddress == address)
            try client.sendAll("\(index)")
            #expect(try client.readAll(1) == Array("\(index)".utf8))
        }
        let late = try serving.client()
        try late.sendAll("late")
        for client in clients { client.close() }
        #expect(try late.readAll(4) == Array("late".utf8))
        late.close()
        #expect(access(path, F_OK) == 0)
        try serving.stop()
        #expect(access(path, F_OK) == -1)
    }

    @Test("a client beyond the limit waits until a thread is free", arguments: [true, false])
    func limit(limitsByOption: Bool) throws {
        let serving = try Serving(
            threads: limitsByOption ? 8 : 2,
            options: ServeOptions(maximumConnections: limitsByOption ? 2 : nil), Self.echo)
        let clients = try (0..<2).map { _ in try serving.client() }
        for client in clients {
            try client.sendAll("x")
            #expect(try client.readAll(1) == Array("x".utf8))
        }
        let late = try serving.client()
        try late.sendAll("late")
        let error = #expect(throws: SocketError.self) {
            try late.receive(timeout: .milliseconds(50))
        }
        #expect(error?.isTimeout == true)
        try clients[0].shutdown(.write)
        #expect(clients[0].drain().bytes.isEmpty)
        clients[0].close()
        #expect(try late.readAll(4) == Array("late".utf8))
        clients[1].close()
        late.close()
        try serving.stop()
    }

    @Test("closing the socket ends the server after the handlers have ended")
    func graceful() throws {
        let serving = try Serving(Self.echo)
        let client = try serving.client()
        try client.sendAll("x")
        #expect(try client.readAll(1) == Array("x".utf8))
        serving.listener.close()
        // The handler goes on.
        try client.sendAll("y")
        #expect(try client.readAll(1) == Array("y".utf8))
        try client.shutdown(.write)
        #expect(client.drain().error == nil)
        try serving.server.value()
    }

    @Test("the end of the grace period closes the connections of the remaining handlers")
    func graceIsOver() throws {
        let log = LogRecorder()
        let cause = Lock<SocketError.Cause?>(nil)
        let options = ServeOptions(gracePeriod: .milliseconds(50), logger: log.logger)
        let serving = try Serving(options: options) { client in
            do throws(SocketError) {
                try client.sendAll("hello")
                _ = try client.receive()
            } catch {
                cause.withLock { $0 = error.cause }
                throw error
            }
        }
        let client = try serving.client()
        #expect(try client.readAll(5) == Array("hello".utf8))
        try serving.stop()
        #expect(cause.withLock { $0 } == .closed)
        #expect(log.messages.first?.level == .warning)
        #expect(log.messages.first?.metadata["connections"]?.description == "1")
    }

    @Test("the error of a handler is logged, and the next client is served")
    func logsErrors() throws {
        struct Failure: Error {}
        let log = LogRecorder()
        let serving = try Serving(threads: 1, options: ServeOptions(logger: log.logger)) {
            if try $0.receive(atMost: 1, timeout: .seconds(10)) == [0x78] { throw Failure() }
            try $0.sendAll("ok")
        }
        let failing = try serving.client()
        try failing.sendAll("x")
        _ = failing.drain()
        let resetting = try serving.client()
        resetting.abort()
        let client = try serving.client()
        try client.sendAll("y")
        try client.shutdown(.write)
        #expect(client.drain().bytes == Array("ok".utf8))
        try serving.stop()
        #expect(log.messages.map(\.level) == [.warning, .debug])
        #expect(log.messages.first?.metadata["error"]?.description == "Failure()")
        #expect(
            log.messages.last?.metadata["peer"]?.description == "\(resetting.localAddress)")
    }

    @Test("a client that is still sending receives the whole answer")
    func finishes() throws {
        let serving = try Serving { try $0.sendAll("answer") }
        let client = try serving.client()
        let sending = Background {
            while true { try client.sendAll([UInt8](repeating: 1, count: 10_000)) }
        }
        #expect(try client.readAll(6) == Array("answer".utf8))
        #expect(client.drain().bytes.isEmpty)
        client.close()
        #expect(throws: SocketError.self) { try sending.value() }
        try serving.stop()
    }

    @Test("serve logs nothing if no handler runs at the end of a grace period of zero")
    func endsSilently() throws {
        let log = LogRecorder()
        let options = ServeOptions(gracePeriod: .zero, logger: log.logger)
        let serving = try Serving(options: options, Self.echo)
        let client = try serving.client()
        try client.sendAll("x")
        #expect(try client.readAll(1) == Array("x".utf8))
        try client.shutdown(.write)
        #expect(client.drain().error == nil)
        client.close()
        try serving.stop()
        #expect(log.messages.isEmpty)
    }

    /// Counts threads, so it runs in a process of its own.
    @Test("no thread is left after serve has returned")
    func endsThreads() async {
        await #expect(processExitsWith: .success) {
            func threads() -> Int { entries(of: "/proc/self/task").count }
            let before = threads()
            let serving = try Serving(threads: 50, SocketServingTests.echo)
            let client = try serving.client()
            let haveStarted = await eventually { threads() >= before + 50 }
            precondition(haveStarted)
            client.close()
            try serving.stop()
            // The pool of the test's own tasks may have started a few threads.
            let haveEnded = await eventually { threads() < before + 25 }
            precondition(haveEnded)
        }
    }

    /// Lowers the limit of descriptors, so it runs in a process of its own.
    @Test("clients wait while no descriptor is free, and a close still ends the server")
    func shortage() async {
        await #expect(processExitsWith: .success) {
            for closes in [true, false] {
                let log = LogRecorder()
                let serving = try Serving(options: ServeOptions(logger: log.logger)) {
                    try $0.sendAll("x")
                }
                let client = try Socket(.ipv4, .stream)
                let limit = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
                var usual = rlimit()
                getrlimit(limit, &usual)
                // The descriptors below 3 are in use. poll(2) fails if the limit is below the
                // number of descriptors for which it waits.
                var low = rlimit(rlim_cur: 3, rlim_max: usual.rlim_max)
                setrlimit(limit, &low)
                try client.connect(to: serving.listener.localAddress)
                let isLogged = await eventually { !log.messages.isEmpty }
                if closes { try serving.stop() }
                setrlimit(limit, &usual)
                precondition(isLogged)
                precondition(log.messages[0].level == .warning)
                if closes { continue }
                let received = try client.readAll(1)
                precondition(received == Array("x".utf8))
                client.close()
                try serving.stop()
            }
        }
    }

    @Test("serve throws for a socket that is closed or does not listen")
    func rejects() throws {
        let closed = try Socket(on: Loopback.ipv4)
        closed.close()
        let error = #expect(throws: SocketError.self) { try closed.serve(threads: 1) { _ in } }
        #expect(error?.cause == .closed)
        let (socket, _) = try Loopback.tcpPair()
        let failure = #expect(throws: SocketError.self) { try socket.serve(threads: 2) { _ in } }
        #expect(failure?.operation == .accept)
        #expect(failure?.errno == .invalidArgument)
        #expect(socket.isClosed)
    }
}
