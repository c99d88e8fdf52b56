import Testing

@testable import Sockets

@Suite("Listener: sequence", .ownThread)
struct ListenerAcceptingTests {
    @Test("the sequence yields each client and ends when the listener is closed")
    func sequence() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let clients = try (0..<10).map { _ in try Socket(to: listener.localAddress) }
        var accepted: [SocketAddress] = []
        for try await connection in listener {
            accepted.append(connection.remoteAddress)
            if accepted.count == clients.count { listener.close() }
        }
        #expect(Set(accepted) == Set(clients.map(\.localAddress)))
    }

    @Test("breaking out of a loop keeps the listener open for another loop")
    func leaving() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let clients = try (0..<2).map { _ in try Socket(to: listener.localAddress) }
        var accepted: Set<SocketAddress> = []
        for _ in clients {
            for try await connection in listener {
                accepted.insert(connection.remoteAddress)
                break
            }
        }
        #expect(accepted == Set(clients.map(\.localAddress)))
        #expect(!listener.isClosed)
    }

    @Test("a cancelled loop over a listener throws `cancelled` and loses no client")
    func cancellation() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let accepting = Task { for try await _ in listener {} }
        accepting.cancel()
        let error = await #expect(throws: SocketError.self) { try await accepting.value }
        #expect(error?.cause == .cancelled)
        let client = try Socket(to: listener.localAddress)
        #expect(try await listener.accept().remoteAddress == client.localAddress)
    }

    #if DEBUG
        @Test("a loop over a listener continues after resource shortages and aborted clients")
        func shortage() async throws {
            let listener = try Listener(on: Loopback.ipv4)
            let client = try Socket(to: listener.localAddress)
            let script = FaultInjection([
                .accept: [
                    .error(.tooManyOpenFiles), .error(.connectionAbort), .error(.noMemory),
                    .error(.noBufferSpace), .error(.interrupted),
                ]
            ])
            let start = ContinuousClock.now
            let connection = try await FaultInjection.$current.withValue(script) {
                var iterator = listener.makeAsyncIterator()
                return try await iterator.next()
            }
            #expect(connection?.remoteAddress == client.localAddress)
            #expect(script.remaining(of: .accept) == 0)
            // Pauses of 5, 10 and 20 ms.
            #expect(start.duration(to: .now) >= .milliseconds(35))
        }

        @Test("close ends a backoff pause at once")
        func closingInAPause() async throws {
            let listener = try Listener(on: Loopback.ipv4)
            _ = try Socket(to: listener.localAddress)
            let script = FaultInjection([
                .accept: Array(repeating: .error(.tooManyOpenFiles), count: 1_000)
            ])
            let accepting = Task {
                try await FaultInjection.$current.withValue(script) {
                    for try await _ in listener {}
                }
            }
            // The first five pauses take 155 ms in all, and the sixth takes 160 ms.
            while script.remaining(of: .accept) > 995 { await Task.yield() }
            listener.close()
            try await accepting.value
            #expect(script.remaining(of: .accept) > 990)
        }

        @Test("cancellation during a backoff pause throws `cancelled` and loses no client")
        func cancellingAPause() async throws {
            let listener = try Listener(on: Loopback.ipv4)
            let client = try Socket(to: listener.localAddress)
            let script = FaultInjection([
                .accept: Array(repeating: .error(.tooManyOpenFiles), count: 1_000)
            ])
            let accepting = Task {
                try await FaultInjection.$current.withValue(script) {
                    for try await _ in listener {}
                }
            }
            while script.remaining(of: .accept) == 1_000 { await Task.yield() }
            accepting.cancel()
            let error = await #expect(throws: SocketError.self) { try await accepting.value }
            #expect(error?.cause == .cancelled)
            #expect(try await listener.accept().remoteAddress == client.localAddress)
        }

        @Test("an unexpected accept error ends a loop over a listener with that error")
        func broken() async throws {
            let listener = try Listener(on: Loopback.ipv4)
            let script = FaultInjection([.accept: [.error(.invalidArgument)]])
            let error = await FaultInjection.$current.withValue(script) {
                await #expect(throws: SocketError.self) { for try await _ in listener {} }
            }
            #expect(error?.errno == .invalidArgument)
        }
    #endif
}
