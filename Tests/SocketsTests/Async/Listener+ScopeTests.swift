import Testing

@testable import Sockets

@Suite("withListener", .ownThread)
struct ListenerScopeTests {
    struct Oops: Error {}

    @Test("the listener accepts in the closure and is closed afterwards", arguments: [true, false])
    func accepts(byEndpoint: Bool) async throws {
        let body: (Listener) async throws -> Listener = { listener in
            let client = try await Connection(to: listener.localAddress)
            let accepted = try await listener.accept(timeout: .seconds(20))
            #expect(accepted.remoteAddress == client.localAddress)
            return listener
        }
        let listener =
            byEndpoint
            ? try await withListener(on: .tcp("127.0.0.1", port: 0), body)
            : try await withListener(on: Loopback.ipv4, body)
        #expect(listener.isClosed)
        #expect(refusesConnections(listener.localAddress))
    }

    @Test("the closure's error is thrown, and the socket file is removed")
    func failure() async throws {
        let path = Loopback.unixPath()
        await #expect(throws: Oops.self) {
            try await withListener(on: .unix(path)) { _ in throw Oops() }
        }
        // The path is free again.
        try await withListener(on: .unix(path)) { #expect(!$0.isClosed) }
    }

    @Test("a cancellation ends an accept with `cancelled`")
    func cancelledAccept() async throws {
        let (listeners, started) = AsyncStream.makeStream(of: Listener.self)
        let task = Task {
            try await withListener(on: Loopback.ipv4) { listener in
                started.yield(listener)
                _ = try await listener.accept(timeout: .seconds(20))
            }
        }
        let listener = try #require(await listeners.first { _ in true })
        task.cancel()
        let error = await #expect(throws: SocketError.self) { try await task.value }
        #expect(error?.cause == .cancelled)
        #expect(listener.isClosed)
    }

    @Test("a cancellation ends serve without an error, as it does outside the scope")
    func cancelledServe() async throws {
        let (listeners, started) = AsyncStream.makeStream(of: Listener.self)
        let task = Task {
            try await withListener(on: Loopback.ipv4) { listener in
                started.yield(listener)
                try await listener.serve { try await $0.echo() }
            }
        }
        let listener = try #require(await listeners.first { _ in true })
        let client = try await Connection(to: listener.localAddress)
        #expect(try await client.exchange("x\n", reading: .line).text.hasPrefix("x"))
        task.cancel()
        client.close()
        try await task.value
        #expect(listener.isClosed)
    }
}
