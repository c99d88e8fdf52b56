import Testing

@testable import Sockets

@Suite("Listener: TLS", .ownThread, .needsOpenSSL)
struct ListenerTLSTests {
    @Test("silent clients and clients without TLS delay no other client")
    func badClients() async throws {
        let log = LogRecorder()
        let options = ServeOptions(handshakeTimeout: .milliseconds(300), logger: log.logger)
        try await TLSPeers.serving(options: options) {
            try await $0.echo()
        } _: { address in
            let silent = try await Connection(to: address)
            let plain = try await Connection(to: address)
            try await plain.write("GET / HTTP/1.1\r\n\r\n")
            let client = try await Connection(to: address, tls: TLSPeers.client())
            #expect(try await client.exchange("a\n", reading: .line).text == "a")
            // The server closes both.
            #expect(try await plain.read().isEmpty)
            #expect(try await silent.read().isEmpty)
            await client.finish()
        }
        let texts = log.messages.map { "\($0.text): \($0.metadata["error"].map { "\($0)" } ?? "")" }
        #expect(texts.contains { $0.contains("TLS handshake failed: cannot start TLS with") })
        #expect(texts.contains { $0.contains("no answer in 300 ms") })
        #expect(texts.contains { $0.contains("it sent 'GET / HTTP/1.1") })
    }

    @Test("an accepted connection transfers nothing before its handshake")
    func accept() async throws {
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: TLSPeers.server())
        async let connected = Connection(to: listener.localAddress, tls: TLSPeers.client())
        let accepted = try await listener.accept(timeout: .seconds(10))
        #expect(accepted.tls == nil)
        guard case .invalidInput = await asyncCause({ _ = try await accepted.read() }),
            case .invalidInput = await asyncCause({ try await accepted.write("secret") })
        else {
            Issue.record("expected invalid input")
            return
        }
        try await accepted.handshake()
        try await accepted.handshake()
        let client = try await connected
        try await accepted.write("hello")
        #expect(try await client.read() == Array("hello".utf8))
    }

    @Test("concurrent calls of handshake all return when the handshake is complete")
    func twoHandshakes() async throws {
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: TLSPeers.server())
        let client = try await Connection(to: listener.localAddress)
        let accepted = try await listener.accept(timeout: .seconds(10))
        async let first: Void = accepted.handshake()
        async let second: Void = accepted.handshake()
        try await client.startTLS(TLSPeers.client())
        try await first
        try await second
        #expect(accepted.tls?.version == .tls13)
    }

    @Test("a handshake that timed out can continue")
    func continuedHandshake() async throws {
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: TLSPeers.server())
        let client = try await Connection(to: listener.localAddress)
        var iterator = listener.makeAsyncIterator()
        let accepted = try #require(try await iterator.next())
        #expect(
            await asyncCause { try await accepted.handshake(timeout: .milliseconds(20)) }
                == .timedOut(limit: .milliseconds(20)))
        async let started: Void = client.startTLS(TLSPeers.client())
        try await accepted.handshake()
        try await started
        #expect(accepted.tls?.version == .tls13)
    }

    @Test("a listener refuses a client's TLS configuration")
    func clientConfiguration() async throws {
        guard
            case .invalidInput = await asyncCause({
                _ = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: .client())
            })
        else {
            Issue.record("expected invalid input")
            return
        }
    }

    @Test("a sharded listener serves TLS on each loop")
    func sharded() async throws {
        let group = try LoopGroup(loops: 2)
        let listener = try await Listener(
            on: .tcp("127.0.0.1", port: 0), tls: TLSPeers.server(), group: group,
            options: .init(sharded: true))
        let serving = Task { try await listener.serve { try await $0.echo() } }
        let tls = try TLSPeers.client()
        for _ in 0..<8 {
            let client = try await Connection(to: listener.localAddress, tls: tls)
            #expect(try await client.exchange("a\n", reading: .line).text == "a")
            await client.finish()
        }
        serving.cancel()
        try await serving.value
    }
}
