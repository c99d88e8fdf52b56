import Testing

@testable import Sockets

@Suite("Connection(to:)", .ownThread)
struct ConnectionConnectingTests {
    /// An address that drops every SYN because the backlog of its listener is full.
    private struct BlackHole {
        let listener: Socket
        let clients: [Socket]
        var address: SocketAddress { listener.localAddress }

        init(_ host: SocketAddress) throws {
            listener = try Socket(host.family == .ipv6 ? .ipv6 : .ipv4, .stream)
            if host.family == .ipv6 { try listener.setOption(.ipv6Only, to: true) }
            try listener.bind(on: host)
            try listener.listen(backlog: 0)
            var clients: [Socket] = []
            while let client = try? Socket(
                to: listener.localAddress, timeout: .milliseconds(200))
            {
                clients.append(client)
            }
            self.clients = clients
        }
    }

    @Test("connecting by name tries each address until one accepts, and sets TCP_NODELAY")
    func triesEveryAddress() async throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let port = try #require(listener.localAddress.port)
        let client = try await Connection(to: .tcp("localhost", port: Port(port)))
        #expect(client.remoteAddress == listener.localAddress)
        #expect(try client.option(.noDelay))
        let server = try listener.accept(timeout: .seconds(5))
        #expect(server.remoteAddress == client.localAddress)
        try await client.write("hello")
        #expect(try server.receive() == Array("hello".utf8))
    }

    @Test("an unresponsive address delays the next attempt by only 250 ms", .exclusiveThread)
    func blackHole() async throws {
        let hole = try BlackHole(.ipv6(.loopback, port: 0))
        let port = try #require(hole.address.port)
        let listener = try Socket(on: .tcp("127.0.0.1", port: Port(port)))
        // Use a separate loop, because other tests block the threads of the shared loops.
        let group = try LoopGroup(loops: 1)
        var best = Duration.seconds(9)
        // A busy machine delays some of the connects, but not all of them.
        for attempt in 0..<10 where attempt < 1 || best >= .milliseconds(500) {
            let (client, duration) = try await Task(executorPreference: group.loops[0]) {
                let start = ContinuousClock.now
                let client = try await Connection(to: .tcp(port: Port(port)), group: group)
                return (client, start.duration(to: .now))
            }.value
            #expect(duration >= .milliseconds(250))
            #expect(client.remoteAddress == listener.localAddress)
            best = min(best, duration)
        }
        #expect(best < .milliseconds(500))
    }

    @Test("connect succeeds when the peer answers late")
    func lateAnswer() async throws {
        let hole = try BlackHole(.ipv4(.loopback, port: 0))
        let connecting = Task { try await Connection(to: hole.address) }
        // The first SYN is dropped; the kernel repeats it after a second.
        #expect(await eventually { hasUnansweredConnect(hole.address) })
        for _ in hole.clients { _ = try hole.listener.accept(timeout: .seconds(5)) }
        let client = try await connecting.value
        #expect(client.remoteAddress == hole.address)
    }

    @Test("the connect error lists every attempt with its address and cause")
    func everyAttempt() async throws {
        let (holder, address) = try Loopback.refusingPort()
        let port = try #require(address.port)
        let error = try #require(
            await #expect(throws: SocketError.self) {
                try await Connection(to: .tcp(port: Port(port)))
            })
        #expect(error.errno == .connectionRefused)
        #expect(error.attempts.map(\.address.ip) == [.v6(.loopback), .v4(.loopback)])
        #expect(error.attempts.allSatisfy { $0.cause == .system(.connectionRefused) })
        #expect(
            error.description
                == "cannot connect to :\(port): connection refused (tried ::1, 127.0.0.1)")
        withExtendedLifetime(holder) {}
    }

    @Test("connect throws `timedOut` with its limit if the address does not answer")
    func timesOut() async throws {
        let hole = try BlackHole(.ipv4(.loopback, port: 0))
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await Connection(to: hole.address, timeout: .milliseconds(100))
        }
        let duration = start.duration(to: .now)
        #expect(duration >= .milliseconds(100) && duration < .seconds(2))
        #expect(error?.cause == .timedOut(limit: .milliseconds(100)))
        #expect(error?.attempts.map(\.address) == [hole.address])
    }

    @Test("cancellation ends a pending connect at once")
    func cancelled() async throws {
        let hole = try BlackHole(.ipv4(.loopback, port: 0))
        let connecting = Task { try await Connection(to: hole.address, timeout: .seconds(60)) }
        #expect(await eventually { hasUnansweredConnect(hole.address) })
        let start = ContinuousClock.now
        connecting.cancel()
        let result = await connecting.result
        #expect(start.duration(to: .now) < .seconds(1))
        #expect(throws: SocketError.self) { try result.get() }
        guard case .failure(let error as SocketError) = result else { return }
        #expect(error.cause == .cancelled)
        #expect(error.attempts.map(\.cause) == [.cancelled])
    }

    @Test("failed, timed out and cancelled attempts leak no descriptor")
    func noDescriptorLeaks() async {
        // Run in a separate process, where no other test opens or closes descriptors.
        await #expect(processExitsWith: .success) {
            let (holder, address) = try Loopback.refusingPort()
            let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
            let queued = try Socket(to: full.localAddress)
            await startLoops()
            let before = openDescriptors()
            for _ in 0..<300 {
                _ = await #expect(throws: SocketError.self) { try await Connection(to: address) }
                _ = await #expect(throws: SocketError.self) {
                    try await Connection(to: full.localAddress, timeout: .seconds(0))
                }
                let task = Task { try await Connection(to: full.localAddress) }
                task.cancel()
                let result = await task.result
                #expect(throws: SocketError.self) { try result.get() }
            }
            // The event loops, which start with the first connection, keep a few descriptors open.
            try #require(openDescriptors() - before < 20)
            withExtendedLifetime((holder, queued)) {}
        }
    }

    @Test("connect to a full Unix backlog succeeds after the server accepts another client")
    func fullUnixQueue() async throws {
        let listener = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        let queued = try Socket(to: listener.localAddress)
        let connecting = Task { try await Connection(to: listener.localAddress) }
        _ = try listener.accept(timeout: .seconds(5))
        let client = try await connecting.value
        #expect(client.remoteAddress == listener.localAddress)
        withExtendedLifetime(queued) {}
    }

    @Test("connecting a socket to its own address throws `selfConnect`")
    func selfConnect() async throws {
        let (holder, own) = try Loopback.refusingPort()
        holder.close()
        let error = await #expect(throws: SocketError.self) {
            try await Connection(to: own, options: .init(localAddress: own))
        }
        #expect(error?.cause == .selfConnect)
    }

    @Test(
        "connecting to an endpoint that is not a stream throws `invalidInput`",
        arguments: [
            .udp("127.0.0.1", port: 7), .unixDatagram("/x"), .unixSequencedPacket("/x"),
        ] as [Endpoint])
    func invalidEndpoint(_ endpoint: Endpoint) async throws {
        let error = await #expect(throws: SocketError.self) { try await Connection(to: endpoint) }
        guard case .invalidInput = error?.cause else {
            Issue.record("\(error?.description ?? "no error")")
            return
        }
        #expect(error?.endpoint == endpoint)
    }
}
