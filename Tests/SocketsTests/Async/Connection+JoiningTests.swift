import SystemPackage
import Testing

@testable import Sockets

/// What only the tasks' half of `join` does; `JoiningTests` covers both halves.
@Suite("Connection: join", .ownThread)
struct ConnectionJoiningTests {
    /// Two connections to join, and their peers.
    private struct Chain {
        let client: Socket
        let front: Connection
        let back: Connection
        let server: Socket

        init(overTCP: Bool = true) throws {
            let (client, front) = try Loopback.streamPair(overTCP: overTCP)
            let (back, server) = try Loopback.streamPair(overTCP: overTCP)
            (self.client, self.server) = (client, server)
            self.front = try Connection(adopting: front)
            self.back = try Connection(adopting: back)
        }
    }

    @Test(
        "a cancelled join loses no bytes, not even those in a pipe", arguments: [true, false])
    func cancellation(overTCP: Bool) async throws {
        // The pipe may be empty at the moment of the cancellation, and then the test shows nothing.
        var hadBytesInPipe = false
        for _ in 0..<50 where !hadBytesInPipe {
            hadBytesInPipe = try await cancel(overTCP: overTCP)
        }
        #expect(hadBytesInPipe)
    }

    /// Cancels a join whose server does not read, and checks that no bytes are lost.
    ///
    /// Returns whether bytes were in a pipe.
    private func cancel(overTCP: Bool) async throws -> Bool {
        let chain = try Chain(overTCP: overTCP)
        let (front, back) = (chain.front, chain.back)
        let passes = Array(repeating: FaultInjection.Fault.pass, count: 100)
        let faults = FaultInjection([.read: passes])
        let join = FaultInjection.$current.withValue(faults) {
            Task { try await front.join(back) }
        }
        // The server does not read, so bytes stay in the pipe.
        let sent = try Loopback.fill(chain.client)
        join.cancel()
        let error = try #require(
            await #expect(throws: SocketError.self) { try await join.value })
        #expect(error.cause == .cancelled)
        #expect(error.operation == .join)
        #expect(error.unsentRequestBytes == 0)
        try chain.client.shutdown(.write)
        #expect(try chain.server.readAll(error.bytesTransferred).count == error.bytesTransferred)
        let rest = try await front.readToEnd(limit: sent, timeout: .seconds(10))
        #expect(error.bytesTransferred + rest.count == sent)
        #expect(rest.allSatisfy { $0 == 0x61 })
        // Both connections can be used again.
        try await back.write("x")
        #expect(try chain.server.readAll(1) == Array("x".utf8))
        let isFree = front.source.writers.take()
        #expect(isFree)
        return faults.remaining(of: .read) < passes.count
    }

    @Test("a join whose peers always keep up can be cancelled")
    func cancelledBusyJoin() async throws {
        let chain = try Chain()
        let (client, front, back, server) = (chain.client, chain.front, chain.back, chain.server)
        let join = Task { try await front.join(back) }
        let sending = Background {
            while true { try client.sendAll([UInt8](repeating: 1, count: 65536)) }
        }
        let reading = Background { try server.readToTheEnd() }
        while front.isReading == false { await Task.yield() }
        join.cancel()
        let error = await #expect(throws: SocketError.self) { try await join.value }
        #expect(error?.cause == .cancelled)
        front.abort()
        back.close()
        await #expect(throws: SocketError.self) { try await sending.result() }
        _ = try? await reading.result()
    }

    @Test("join first forwards the bytes that were received before the call")
    func forwardsBufferedBytes() async throws {
        let chain = try Chain()
        try chain.client.sendAll("CONNECT\nrest")
        #expect(try await chain.front.readLine() == "CONNECT")
        try chain.client.shutdown(.write)
        try chain.server.shutdown(.write)
        #expect(try await chain.front.join(chain.back) == (4, 0))
        #expect(chain.server.drain().bytes == Array("rest".utf8))
    }

    @Test("a join waits for earlier writes and excludes other readers")
    func claims() async throws {
        let chain = try Chain()
        let (front, back) = (chain.front, chain.back)
        try back.source.beginWritingAtOnce()
        let join = Task { try await front.join(back) }
        try chain.client.sendAll("x")
        let early = #expect(throws: SocketError.self) {
            try chain.server.receive(timeout: .milliseconds(50))
        }
        #expect(early?.isTimeout == true)
        back.source.endWriting()
        #expect(try chain.server.readAll(1) == Array("x".utf8))
        for connection in [front, back] {
            let error = await #expect(throws: SocketError.self) { try await connection.read() }
            #expect(error?.cause == .busy)
        }
        let other = try Chain()
        let error = await #expect(throws: SocketError.self) {
            try await other.front.join(front, idleTimeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        try chain.client.shutdown(.write)
        try chain.server.shutdown(.write)
        #expect(try await join.value == (1, 0))
    }

    @Test("two joins of the same connections in opposite directions do not deadlock")
    func crossing() async throws {
        let chain = try Chain()
        let (front, back) = (chain.front, chain.back)
        let joins = [Task { try await front.join(back) }, Task { try await back.join(front) }]
        for socket in [chain.client, chain.server] {
            try socket.sendAll("x")
            try socket.shutdown(.write)
        }
        for socket in [chain.client, chain.server] {
            #expect(socket.drain().bytes == Array("x".utf8))
        }
        // The join that comes second finds that both streams have ended, so it may fail.
        let results = [await joins[0].result, await joins[1].result]
        #expect(results.contains { (try? $0.get()).map { $0 == (1, 1) } ?? false })
    }

    @Test("a join ends when one of the connections is closed", arguments: [true, false])
    func closing(closesFront: Bool) async throws {
        for isBusy in [false, true] {
            let chain = try Chain()
            let (front, back) = (chain.front, chain.back)
            let join = Task { try await front.join(back) }
            try chain.client.sendAll("x")
            #expect(try chain.server.readAll(1) == Array("x".utf8))
            if isBusy { _ = try Loopback.fill(chain.client) }
            (closesFront ? front : back).close()
            let error = await #expect(throws: SocketError.self) { try await join.value }
            #expect(error?.cause == .closed)
        }
    }

    @Test("join rejects the connection itself and a connection with an incomplete write")
    func rejects() async throws {
        let chain = try Chain()
        let error = await #expect(throws: SocketError.self) {
            try await chain.front.join(chain.front)
        }
        #expect(
            error?.description
                == "cannot join the connection to \(chain.front.remoteAddress):"
                + " a connection cannot be joined to itself")
        chain.back.isIncomplete = true
        let incomplete = await #expect(throws: SocketError.self) {
            try await chain.front.join(chain.back)
        }
        #expect(incomplete?.cause == .incompleteWrite)
        #expect(incomplete?.remoteAddress == chain.back.remoteAddress)
        // The claims were given up.
        let isFree = chain.front.source.writers.take() && chain.back.source.writers.take()
        #expect(isFree)
        #expect(!chain.front.isReading && !chain.back.isReading)
    }

    @Test("without idleTimeout, join uses the readTimeout of the connection that it is called on")
    func inheritsReadTimeout() async throws {
        let chain = try Chain()
        chain.front.readTimeout = .milliseconds(100)
        // The call does not use these limits.
        chain.back.readTimeout = .milliseconds(1)
        chain.front.writeTimeout = .milliseconds(1)
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await chain.front.join(chain.back)
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(100)))
        #expect(start.duration(to: .now) >= .milliseconds(100))
    }

    @Test("join copies the bytes of a shared connection and keeps its blocking mode")
    func sharedConnection() async throws {
        let (client, front) = try Loopback.tcpPair()
        let copy = try front.duplicate()
        let chain = try Chain()
        let shared = try Connection(adopting: front)
        let back = chain.back
        let join = Task { try await shared.join(back) }
        let bytes = pattern(2 << 20)
        let sending = Background {
            try client.sendAll(bytes)
            try client.shutdown(.write)
        }
        try chain.server.shutdown(.write)
        #expect(chain.server.drain().bytes == bytes)
        try await sending.result()
        #expect(try await join.value == (bytes.count, 0))
        #expect(try System.isBlocking(copy.descriptor))
    }

    @Test("joins in the handlers of serve do not mix the bytes of different clients")
    func serves() async throws {
        let upstream = try Listener(on: Loopback.ipv4)
        let echoing = Task { try await upstream.serve { try await $0.echo() } }
        let address = upstream.localAddress
        let listener = try Listener(on: Loopback.ipv4)
        let serving = Task {
            try await listener.serve { client in
                try await client.join(try await Connection(to: address))
            }
        }
        let clients = try (0..<20).map { index in
            let socket = try Socket(to: listener.localAddress)
            let bytes = pattern(100_000 + index)
            return Background {
                let sending = Background {
                    try socket.sendAll(bytes)
                    try socket.shutdown(.write)
                }
                let reply = socket.drain().bytes
                try sending.value()
                return reply == bytes
            }
        }
        for client in clients { #expect(try await client.result()) }
        serving.cancel()
        try await serving.value
        echoing.cancel()
        try await echoing.value
    }

    /// Counts descriptors, so it runs in a process of its own.
    @Test("idle joins hold no pipes, and the end of the last join closes all pipes")
    func idleJoins() async {
        await #expect(processExitsWith: .success) {
            let chains = try (0..<20).map { _ in try Chain() }
            await startLoops()
            let before = openDescriptors()
            let joins = chains.map { chain in
                let (front, back) = (chain.front, chain.back)
                return Task { try await front.join(back) }
            }
            let bytes = pattern(1 << 20)
            for chain in chains {
                let client = chain.client
                let sending = Background { try client.sendAll(bytes) }
                let received = try chain.server.readAll(bytes.count)
                precondition(received == bytes)
                try sending.value()
            }
            // One join at a time moved bytes, but the previous one may have been about to end.
            precondition(openDescriptors() <= before + 8)
            for chain in chains {
                try chain.client.shutdown(.write)
                try chain.server.shutdown(.write)
            }
            for join in joins { _ = try await join.value }
            precondition(openDescriptors() == before)
            withExtendedLifetime(chains) {}
        }
    }

    @Test("a join between TLS and TCP forwards bytes and half-closes both ways", .needsOpenSSL)
    func tls() async throws {
        let (client, front) = try await TLSPeers.pair()
        let chain = try Chain()
        let back = chain.back
        let join = Task { try await front.join(back) }
        let bytes = pattern(3 << 20)
        let sending = Task {
            try await client.write(bytes)
            try client.shutdown(.write)
        }
        let server = chain.server
        let answering = Background {
            let request = server.drain().bytes
            try server.sendAll(request)
            try server.shutdown(.write)
            return request == bytes
        }
        #expect(try await client.readToEnd() == bytes)
        try await sending.value
        #expect(try await answering.result())
        #expect(try await join.value == (bytes.count, bytes.count))
    }

    @Test("a TLS stream that ends without close_notify resets the other side", .needsOpenSSL)
    func truncatedTLS() async throws {
        let (client, front) = try await TLSPeers.pair()
        let chain = try Chain()
        let back = chain.back
        let join = Task { try await front.join(back) }
        try await client.write("x")
        #expect(try chain.server.readAll(1) == Array("x".utf8))
        // A FIN of TCP without the closing alert of TLS.
        try client.end(.write)
        #expect(chain.server.drain().error == .connectionReset)
        let error = await #expect(throws: SocketError.self) { try await join.value }
        #expect(error?.cause == .tls(.truncated))
        #expect(error?.bytesTransferred == 1)
    }
}
