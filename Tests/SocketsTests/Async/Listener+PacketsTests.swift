import Synchronization
import Testing

@testable import Sockets

@Suite("Listener: packet connections", .ownThread)
struct ListenerPacketsTests {
    @Test("a listener on a sequenced-packet socket rejects accept, for await and serve")
    func otherMethods() async throws {
        let listener = try await Listener(
            on: .unixSequencedPacket("@" + Loopback.unixPath()))
        let attempts: [() async throws -> Void] = [
            { _ = try await listener.accept() },
            { for try await _ in listener {} },
            { try await listener.serve { _ in } },
        ]
        for attempt in attempts {
            let error = await #expect(throws: SocketError.self) { try await attempt() }
            #expect(
                error?.cause
                    == .invalidInput(
                        "the listener's type is sequencedPacket, which needs acceptPacketConnection"
                    ))
        }
        #expect(!listener.isClosed)
    }

    @Test("a listener on a stream rejects acceptPacketConnection")
    func stream() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let error = await #expect(throws: SocketError.self) {
            try await listener.acceptPacketConnection()
        }
        #expect(
            error?.cause
                == .invalidInput("the listener's type is stream, which needs accept or serve"))
    }

    @Test("a listener on a sequenced-packet socket rejects sharding")
    func sharding() async throws {
        let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
        let sharded = await #expect(throws: SocketError.self) {
            try await Listener(on: endpoint, options: .init(sharded: true))
        }
        #expect(
            sharded?.cause
                == .invalidInput("the endpoint of a sharded listener must be tcp://"))
    }

    @Test("a listener on a sequenced-packet socket rejects TLS", .needsOpenSSL)
    func encryption() async throws {
        let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
        let tls = try TLSPeers.server()
        let encrypted = await #expect(throws: SocketError.self) {
            try await Listener(on: endpoint, tls: tls)
        }
        #expect(
            encrypted?.cause
                == .invalidInput("TLS needs a stream, but the endpoint transfers packets"))
    }

    @Test("a waiting accept gets the next client; no timeout or cancellation loses a client")
    func waiting() async throws {
        let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
        let listener = try await Listener(on: endpoint)
        let error = await #expect(throws: SocketError.self) {
            try await listener.acceptPacketConnection(timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        let cancelled = Task { try await listener.acceptPacketConnection() }
        while !listener.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        cancelled.cancel()
        let cancellation = await #expect(throws: SocketError.self) { try await cancelled.value }
        #expect(cancellation?.cause == .cancelled)
        async let server = listener.acceptPacketConnection()
        while !listener.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        let client = try await PacketConnection(to: endpoint)
        try await client.send("x")
        #expect(try await server.receive()?.text == "x")
    }

    @Test("close ends a waiting acceptPacketConnection with `closed`")
    func close() async throws {
        let listener = try await Listener(
            on: .unixSequencedPacket("@" + Loopback.unixPath()))
        let accepting = Task { try await listener.acceptPacketConnection() }
        while !listener.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        listener.close()
        let error = await #expect(throws: SocketError.self) { try await accepting.value }
        #expect(error?.cause == .closed)
    }

    @Test("adopted and duplicated listeners accept packet connections")
    func adopting() async throws {
        let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
        let listener = try Listener(adopting: Socket(on: endpoint))
        let copy = try listener.duplicate()
        listener.close()
        let client = try await PacketConnection(to: endpoint)
        let server = try await copy.acceptPacketConnection(timeout: .seconds(10))
        try await server.send("")
        #expect(try await client.receive()?.text == "")
    }
}
