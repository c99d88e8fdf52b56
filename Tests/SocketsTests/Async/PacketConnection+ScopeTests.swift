import Testing

@testable import Sockets

@Suite("withPacketConnection", .ownThread)
struct PacketConnectionScopeTests {
    struct Oops: Error {}

    private static func listener() async throws -> (Listener, Endpoint) {
        let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
        return (try await Listener(on: endpoint), endpoint)
    }

    @Test("the closure's result is returned, and the peer receives every packet and the end")
    func result() async throws {
        let (listener, endpoint) = try await Self.listener()
        let client = try await withPacketConnection(to: endpoint) { client in
            try await client.send("one")
            try await client.send("two")
            return client
        }
        #expect(client.isClosed)
        let server = try await listener.acceptPacketConnection(timeout: .seconds(20))
        #expect(try await server.receive(timeout: .seconds(20))?.text == "one")
        #expect(try await server.receive(timeout: .seconds(20))?.text == "two")
        #expect(try await server.receive(timeout: .seconds(20)) == nil)
    }

    @Test("the closure's error is thrown, and the connection to an address is closed")
    func failure() async throws {
        let (listener, _) = try await Self.listener()
        await #expect(throws: Oops.self) {
            try await withPacketConnection(to: listener.localAddress) { _ in throw Oops() }
        }
        let server = try await listener.acceptPacketConnection(timeout: .seconds(20))
        #expect(try await server.receive(timeout: .seconds(20)) == nil)
    }

    @Test("a cancellation ends the receive of the scope's task and closes the connection")
    func cancellation() async throws {
        let (listener, endpoint) = try await Self.listener()
        let (connections, connected) = AsyncStream.makeStream(of: PacketConnection.self)
        let task = Task {
            try await withPacketConnection(to: endpoint) { connection in
                #expect(connection.source.hasOwner(CurrentTask.identity))
                connected.yield(connection)
                _ = try await connection.receive(timeout: .seconds(20))
            }
        }
        let connection = try #require(await connections.first { _ in true })
        let server = try await listener.acceptPacketConnection(timeout: .seconds(20))
        task.cancel()
        let error = await #expect(throws: SocketError.self) { try await task.value }
        #expect(error?.cause == .cancelled || error?.cause == .closed)
        #expect(connection.isClosed)
        #expect(try await server.receive(timeout: .seconds(20)) == nil)
    }

    @Test("withTimeLimit around a scope limits the closure")
    func timeLimit() async throws {
        let (listener, endpoint) = try await Self.listener()
        let error = await #expect(throws: SocketError.self) {
            try await withTimeLimit(.milliseconds(50)) {
                try await withPacketConnection(to: endpoint) { _ = try await $0.receive() }
            }
        }
        #expect(error?.hint == "withTimeLimit(50 ms) ended the operation.")
        let server = try await listener.acceptPacketConnection(timeout: .seconds(20))
        #expect(try await server.receive(timeout: .seconds(20)) == nil)
    }
}
