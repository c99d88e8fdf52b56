import Logging
import Testing

@testable import Sockets

@Suite("Listener: sharding", .ownThread)
struct ListenerShardingTests {
    @Test("a sharded listener has one socket per loop, all bound to the same port")
    func sockets() async throws {
        let group = try LoopGroup(loops: 3)
        let listener = try await Listener(
            on: .tcp(port: 0), group: group, options: .init(sharded: true))
        #expect(listener.localAddress.port != 0)
        #expect(
            listener.shards.map { ObjectIdentifier($0.source.loop) }
                == group.loops.map { .init($0) })
        for shard in listener.shards {
            #expect(
                SocketAddress(try System.getsockname(shard.source.descriptor))
                    == listener.localAddress)
        }
    }

    @Test("clients are spread over all loops, and the loop that accepts a client serves the client")
    func spread() async throws {
        // With four loops, a round-robin distribution is unlikely to match the queues by chance.
        let group = try LoopGroup(loops: 4)
        let listener = try Listener(on: Loopback.ipv4, group: group, options: .init(sharded: true))
        let clients = try call(listener, 64)
        let queues = try await queueLengths(of: listener, total: 64)
        #expect(queues.allSatisfy { $0 > 0 })

        let served = Lock([ObjectIdentifier: Int]())
        let serving = Task {
            try await listener.serve { connection in
                let loop = connection.source.loop
                served.withLock { $0[ObjectIdentifier(loop), default: 0] += loop.isCurrent ? 1 : 0 }
                try await connection.echo()
            }
        }
        for client in clients {
            #expect(try await client.exchange("hello", reading: .toEnd()).text == "hello")
        }
        serving.cancel()
        try await serving.value
        #expect(group.loops.map { served.withLock { $0 }[ObjectIdentifier($0)] } == queues)
    }

    @Test("every shard accepts IPv4 and IPv6 clients")
    func bothFamilies() async throws {
        let group = try LoopGroup(loops: 2)
        let listener = try await Listener(
            on: .tcp(port: 0), group: group, options: .init(sharded: true))
        let port = try #require(listener.localAddress.port)
        let clients = try (0..<128).map { number in
            let address = SocketAddress(
                number % 2 == 0 ? .v4(.loopback) : .v6(.loopback), port: port)
            return try Connection(adopting: Socket(to: address))
        }
        let served = Lock(Set<[Bool]>())
        let serving = Task {
            try await listener.serve { connection in
                let isFirst = connection.source.loop === group.loops[0]
                let isIPv4 = connection.remoteAddress.family == .ipv4
                served.withLock { _ = $0.insert([isFirst, isIPv4]) }
                try await connection.echo()
            }
        }
        for client in clients {
            #expect(try await client.exchange("hello", reading: .toEnd()).text == "hello")
        }
        #expect(served.withLock { $0.count } == 4)
        serving.cancel()
        try await serving.value
    }

    @Test("stopping a sharded server refuses new clients and lets running handlers finish")
    func gracefulStop() async throws {
        let listener = try Listener(on: Loopback.ipv4, options: .init(sharded: true))
        let serving = Task {
            try await listener.serve(options: ServeOptions(gracePeriod: .seconds(60))) {
                connection in
                try await connection.write("hello")
                try await connection.echo()
            }
        }
        let clients = try call(listener, 32)
        for client in clients { #expect(try await client.readExactly(5) == Array("hello".utf8)) }
        serving.cancel()
        for client in clients {
            #expect(
                try await client.exchange("still there?", reading: .toEnd()).text == "still there?")
        }
        try await serving.value
        #expect(listener.shards.map(\.isClosed) == listener.shards.map { _ in true })
        #expect(await eventually { refusesConnections(listener.localAddress) })
    }

    @Test("the end of the grace period cancels the handlers on all loops and logs one record")
    func graceIsOver() async throws {
        let log = LogRecorder()
        let listener = try Listener(on: Loopback.ipv4, options: .init(sharded: true))
        let serving = Task {
            try await listener.serve(
                options: ServeOptions(gracePeriod: .milliseconds(20), logger: log.logger)
            ) { connection in
                try await connection.write("hello")
                _ = try? await connection.read()
            }
        }
        let clients = try call(listener, 32)
        for client in clients { #expect(try await client.readExactly(5) == Array("hello".utf8)) }
        serving.cancel()
        try await serving.value
        for client in clients { #expect(try await client.read().isEmpty) }
        #expect(log.messages.map { $0.metadata["connections"] } == ["32"])
    }

    @Test("closing a sharded listener refuses new clients")
    func closing() async throws {
        let listener = try Listener(on: Loopback.ipv4, options: .init(sharded: true))
        listener.close()
        #expect(await eventually { refusesConnections(listener.localAddress) })
    }

    @Test(
        "maximumConnections limits all shards together, and every client is served",
        arguments: [1, 3])
    func limit(_ maximum: Int) async throws {
        let listener = try Listener(
            on: Loopback.ipv4, group: LoopGroup(loops: 4), options: .init(sharded: true))
        let (open, most) = (Lock(0), Lock(0))
        let (entries, enter) = AsyncStream.makeStream(of: Void.self)
        let serving = Task {
            let options = ServeOptions(maximumConnections: maximum)
            try await listener.serve(options: options) { connection in
                let now = open.withLock {
                    $0 += 1; return $0
                }
                most.withLock { $0 = max($0, now) }
                enter.yield()
                try await connection.echo()
                open.withLock { $0 -= 1 }
            }
        }
        let clients = try call(listener, 64)
        // As many clients as allowed are admitted before the first one closes.
        var entry = entries.makeAsyncIterator()
        for _ in 0..<maximum { await entry.next() }
        let echoed = try await withThrowingTaskGroup(of: Bool.self) { group in
            for client in clients {
                group.addTask {
                    let reply = try await client.exchange("hello", reading: .toEnd()).text
                    client.close()
                    return reply == "hello"
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(echoed == 64)
        #expect(most.withLock { $0 } == maximum)
        serving.cancel()
        try await serving.value
    }

    @Test(
        "accept and iteration throw on a sharded listener, even with a single loop",
        arguments: [1, 2])
    func acceptThrows(_ loops: Int) async throws {
        let listener = try Listener(
            on: Loopback.ipv4, group: LoopGroup(loops: loops), options: .init(sharded: true))
        let errors = [
            await #expect(throws: SocketError.self) { try await listener.accept() },
            await #expect(throws: SocketError.self) { for try await _ in listener {} },
        ]
        for error in errors {
            #expect(error?.description.contains("can only be used with serve") == true)
        }
        #expect(!listener.isClosed)
    }

    @Test("a sharded Unix listener throws `invalidInput`")
    func unix() async throws {
        let path = "@" + Loopback.unixPath()
        let byEndpoint = await #expect(throws: SocketError.self) {
            try await Listener(on: .unix(path), options: .init(sharded: true))
        }
        let addresses = try await Resolver.resolve(.unix(path))
        let address = try #require(addresses.first)
        let byAddress = #expect(throws: SocketError.self) {
            try Listener(on: address, options: .init(sharded: true))
        }
        for error in [byEndpoint, byAddress] {
            guard case .invalidInput(let text) = error?.cause else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(text.contains("must be tcp://"))
        }
    }

    #if DEBUG
        @Test("an accept error of one shard ends serve with that error and closes all shards")
        func broken() async throws {
            let listener = try Listener(on: Loopback.ipv4, options: .init(sharded: true))
            let script = FaultInjection([.accept: [.error(.invalidArgument)]])
            let error = await FaultInjection.$current.withValue(script) {
                await #expect(throws: SocketError.self) { try await listener.serve { _ in } }
            }
            #expect(error?.errno == .invalidArgument)
            #expect(listener.shards.map(\.isClosed) == listener.shards.map { _ in true })
        }

        @Test("a sharded server serves all clients after a shortage of descriptors")
        func shortage() async throws {
            let listener = try Listener(on: Loopback.ipv4, options: .init(sharded: true))
            let clients = try call(listener, 32)
            let script = FaultInjection([
                .accept: Array(repeating: .error(.tooManyOpenFiles), count: 6)
            ])
            let serving = Task {
                try await FaultInjection.$current.withValue(script) {
                    try await listener.serve { try await $0.echo() }
                }
            }
            for client in clients {
                #expect(try await client.exchange("hello", reading: .toEnd()).text == "hello")
                client.close()
            }
            #expect(script.remaining(of: .accept) == 0)
            serving.cancel()
            try await serving.value
        }
    #endif

    private func call(_ listener: Listener, _ count: Int) throws -> [Connection] {
        try (0..<count).map { _ in
            try Connection(adopting: Socket(to: listener.localAddress))
        }
    }

    /// Returns the backlog of each socket, once `total` clients wait in all.
    private func queueLengths(of listener: Listener, total: Int) async throws -> [Int] {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let lengths = try listener.shards.map { shard in
                // For a listening socket, tcpi_unacked of TCP_INFO is the length of the backlog.
                let info = try SocketOption<[UInt8]>.raw(level: 6, name: 11)
                    .get(shard.source.descriptor, .ipv4)
                return Int(info[24]) | Int(info[25]) << 8
            }
            guard lengths.reduce(0, +) < total, ContinuousClock.now < deadline else {
                return lengths
            }
            await Task.yield()
        }
    }
}
