import Dispatch
import Glibc
import Sockets
import Synchronization
import Testing

/// Compiles and runs the async listings of the README and the articles, word for word.
@Suite("Async listings", .ownThread)
struct TaskListingsTests {
    private let host = "127.0.0.1"

    @Test("a client reads lines until the end of the stream")
    func lines() async throws {
        let port = try Socket.portOfServer { client in try client.sendAll("one\r\ntwo\n") }
        var lines: [String] = []
        func print(_ line: String) { lines.append(line) }

        let connection = try await Connection(to: .tcp(host, port: port))
        for try await line in connection.lines { print(line) }

        #expect(lines == ["one", "two"])
    }

    @Test("exchange sends a request and returns the reply line")
    func exchange() async throws {
        let port = try Socket.portOfServer { client in
            let stream = SocketStream(client)
            guard let line = try stream.readLine(timeout: testTimeout) else { return }
            try stream.write("you said \(line)\n")
            try stream.close()
        }
        let connection = try await Connection(to: .tcp(host, port: port))
        let request = "hello\n"

        let reply = try await connection.exchange(request, reading: .line)

        #expect(reply.text.hasPrefix("you said hello"))
    }

    @Test("a UDP server returns a datagram to its sender")
    func datagrams() async throws {
        let port: Sockets.Port = 0
        let (ports, announcement) = AsyncStream.makeStream(of: UInt16.self)
        let server = Task {
            let channel = try await DatagramChannel(on: .udp(port: port))
            announcement.yield(channel.localAddress.port ?? 0)
            for try await datagram in channel {
                try await channel.send(datagram.bytes, to: datagram.sender)
            }
        }
        defer { server.cancel() }
        let serverPort = try #require(await ports.first { _ in true })

        let client = try await DatagramChannel(
            to: .udp(host, port: Sockets.Port(serverPort)))
        try await client.send("ping")

        #expect(try await client.receive(timeout: testTimeout).text == "ping")
    }

    @Test("serve runs the handler for each client until the serving task is cancelled")
    func serving() async throws {
        let listener = try await Listener(on: .tcp(host, port: 0))
        let address = listener.localAddress
        let server = Task {
            try await listener.serve { connection in try await connection.echo() }
        }
        for round in 1...3 {
            let connection = try await Connection(to: address)
            let reply = try await connection.exchange("round \(round)", reading: .toEnd())
            #expect(reply.text == "round \(round)")
        }
        server.cancel()
        try await server.value
    }

    @Test("serve accepts options and runs its handler for a client")
    func servingWithOptions() async throws {
        let listener = try await Listener(on: .tcp(host, port: 0))
        let address = listener.localAddress
        let server = Task {
            let options = ServeOptions(maximumConnections: 1000, idleTimeout: .seconds(60))
            try await listener.serve(options: options) { connection in try await connection.echo() }
        }
        let connection = try await Connection(to: address)
        let reply = try await connection.exchange("hello", reading: .toEnd())
        #expect(reply.text == "hello")
        server.cancel()
        try await server.value
    }

    @Test("a handler computes on the global executor and writes the result")
    func longWork() async throws {
        let listener = try await Listener(on: .tcp(host, port: 0))
        let address = listener.localAddress
        let server = Task {
            try await listener.serve { connection in
                guard let line = try await connection.readLine() else { return }
                let count = await withTaskExecutorPreference(globalConcurrentExecutor) {
                    countPrimes(upTo: Int(line) ?? 0)
                }
                try await connection.write("\(count)\n")
            }
        }
        let connection = try await Connection(to: address)
        try await connection.write("100\n")
        #expect(try await connection.readLine(timeout: testTimeout) == "25")
        server.cancel()
        try await server.value
    }

    @Test("SIGTERM stops accepting, and serve returns when the last handler has returned")
    func terminating() async {
        await #expect(processExitsWith: .success) {
            let port: Sockets.Port = 0
            let listener = try await Listener(on: .tcp("127.0.0.1", port: port))

            signal(SIGTERM, SIG_IGN)
            let termination = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
            termination.setEventHandler { @Sendable in listener.close() }
            termination.resume()

            let address = listener.localAddress
            let client = Task {
                let connection = try await Connection(to: address)
                _ = try await connection.exchange("served\n", reading: .line)
                // The source is registered on another thread, and ignores signals until then.
                while (try? await Connection(to: address)) != nil { kill(getpid(), SIGTERM) }
                return try await connection.exchange("still served\n", reading: .line).text
            }
            try await listener.serve { connection in try await connection.echo() }
            guard try await client.value == "still served" else { exit(1) }
        }
    }

    @Test("a graceful shutdown of the service group closes the listener of the service")
    func service() async throws {
        let requests = GracefulShutdown()
        let (addresses, announcement) = AsyncStream.makeStream(of: Sockets.SocketAddress.self)
        let service = EchoService(port: 0, announce: { announcement.yield($0) })
        let running = Task {
            try await GracefulShutdown.$current.withValue(requests) { try await service.run() }
        }
        let address = try #require(await addresses.first { _ in true })
        let connection = try await Connection(to: address)
        #expect(try await connection.exchange("hello\n", reading: .line).text == "hello")
        requests.begin()
        await untilRefused(by: address)
        #expect(
            try await connection.exchange("still served\n", reading: .line).text == "still served")
        connection.close()
        try await running.value
    }

    @Test("the qualified name Sockets.SocketAddress refers to this module's type")
    func qualifiedName() {
        let address: Sockets.SocketAddress = .ipv4(.loopback, port: 51423)
        #expect("\(address)" == "127.0.0.1:51423")
    }
}

/// Returns the number of primes up to `limit`, by trial division.
private func countPrimes(upTo limit: Int) -> Int {
    (2...max(2, limit)).count { number in
        number <= limit && !(2..<number).contains { number.isMultiple(of: $0) }
    }
}

/// Returns when no socket listens on the address any more.
private func untilRefused(by address: Sockets.SocketAddress) async {
    while (try? await Connection(to: address)) != nil { await Task.yield() }
}

/// The listing of the article, with the parts of swift-service-lifecycle that it uses declared below.
private struct EchoService: Service {
    let port: Sockets.Port
    let announce: @Sendable (Sockets.SocketAddress) -> Void

    func run() async throws {
        let listener = try await Listener(on: .tcp("127.0.0.1", port: port))
        announce(listener.localAddress)
        try await withGracefulShutdownHandler {
            try await listener.serve { connection in try await connection.echo() }
        } onGracefulShutdown: {
            listener.close()
        }
    }
}

private protocol Service: Sendable {
    func run() async throws
}

private final class GracefulShutdown: Sendable {
    @TaskLocal static var current: GracefulShutdown?
    private let handlers = Mutex<[@Sendable () -> Void]>([])

    func add(_ handler: @escaping @Sendable () -> Void) {
        handlers.withLock { $0.append(handler) }
    }

    func begin() {
        for handler in handlers.withLock({ $0 }) { handler() }
    }
}

private func withGracefulShutdownHandler<T>(
    operation: () async throws -> T, onGracefulShutdown handler: @Sendable @escaping () -> Void
) async rethrows -> T {
    GracefulShutdown.current?.add(handler)
    return try await operation()
}
