import Foundation
import Testing

@testable import Sockets

@Suite("TLSSession: bad peers", .ownThread, .needsOpenSSL)
struct BadPeerTests {
    /// The bytes of each flight of a handshake, of the client and of the server in turn.
    private static func flights(_ version: TLSVersion) throws -> [[UInt8]] {
        var client = try TLSPeers.client()
        client.maximumVersion = version
        var pair = try EnginePair(client: client, server: TLSPeers.server())
        var flights: [[UInt8]] = []
        for round in 0..<4 {
            let isClient = round.isMultiple(of: 2)
            _ = pair.call(isClient ? .client : .server) { $0.handshake(&$1) }
            flights.append(isClient ? pair.toServer : pair.toClient)
        }
        return flights
    }

    // MARK: Cuts

    /// Forwards the bytes of both ends of a handshake, until one end has sent `limit` bytes.
    private struct Relay {
        let (near, far): (Connection, Connection)
        /// Whether the client's bytes are counted.
        let countsClient: Bool
        let limit: Int

        func run() async {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await forward(near, far, countsClient ? limit : .max) }
                group.addTask { await forward(far, near, countsClient ? .max : limit) }
            }
        }

        private func forward(_ from: Connection, _ to: Connection, _ limit: Int) async {
            var rest = limit
            while rest > 0, let bytes = try? await from.read(atMost: min(rest, 65536)),
                !bytes.isEmpty
            {
                rest -= bytes.count
                try? await to.write(bytes)
            }
            try? near.shutdown(.write)
            try? far.shutdown(.write)
        }
    }

    @Test(
        "a handshake that is cut in any flight is reported as truncated at both ends",
        arguments: [TLSVersion.tls12, .tls13], 0..<4)
    func cuts(version: TLSVersion, flight: Int) async throws {
        let flights = try Self.flights(version)
        let earlier = flight >= 2 ? flights[flight - 2].count : 0
        let count = flights[flight].count
        // The size of a signature differs by a few bytes.
        for offset in Set([0, 1, 4, 5, 6, count / 2, count - 8]) where offset < count - 7 {
            let (client, near) = try Connection.pair()
            let (far, server) = try Connection.pair()
            let relay = Relay(
                near: near, far: far, countsClient: flight.isMultiple(of: 2),
                limit: earlier + offset)
            var configuration = try TLSPeers.client()
            configuration.maximumVersion = version
            let clientConfiguration = configuration
            async let relayed: Void = relay.run()
            async let clientFailure = asyncCause {
                defer { client.close() }
                try await client.startTLS(clientConfiguration)
                _ = try await client.readExactly(1)
            }
            async let serverFailure = asyncCause {
                defer { server.close() }
                try await server.startTLS(TLSPeers.server())
                _ = try await server.readExactly(1)
            }
            let failures = await (clientFailure, serverFailure)
            await relayed
            #expect(failures.0 == .tls(.truncated), "client, flight \(flight), byte \(offset)")
            #expect(failures.1 == .tls(.truncated), "server, flight \(flight), byte \(offset)")
        }
    }

    // MARK: Other protocols and damage

    @Test(
        "a server reports the first bytes of a client that does not speak TLS",
        arguments: [
            Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("SSH-2.0-OpenSSH\r\n".utf8),
            [0, 1, 2, 3, 27, 91, 0x80, 0xFF], [22, 2, 0], [0x80, 0x2E, 1, 0, 2],
        ])
    func garbage(bytes: [UInt8]) async throws {
        let (client, server) = try Connection.pair()
        try await client.write(bytes)
        let failure = await asyncCause { try await server.startTLS(TLSPeers.server()) }
        #expect(failure == .tls(.notTLS(bytes)))
        let text = failure.map { "\($0)" } ?? ""
        #expect(text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "\(text)")
    }

    @Test("a client reports the answer of a server that speaks plain HTTP")
    func plainServer() async throws {
        let (client, server) = try Connection.pair()
        async let failure = asyncCause { try await client.startTLS(TLSPeers.client()) }
        _ = try await server.read()
        try await server.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        let expected = "HTTP/1.1 400 Bad Request\r\n\r\n"
        #expect(await failure == .tls(.notTLS(Array(expected.utf8))))
    }

    @Test("a server that answers with TLS 1.1 is reported as a refused version")
    func oldVersion() async throws {
        let (client, server) = try Connection.pair()
        async let failure = asyncCause { try await client.startTLS(TLSPeers.client()) }
        _ = try await server.read()
        // A ServerHello of TLS 1.1 with a zero random, no session and ECDHE-ECDSA-AES128-SHA.
        let hello: [UInt8] =
            [2, 0, 0, 38, 3, 2] + [UInt8](repeating: 0, count: 32) + [0, 0xC0, 0x09, 0]
        try await server.write([22, 3, 2, 0, UInt8(hello.count)] + hello)
        #expect(await failure == .tls(.versionRefused))
    }

    @Test("an alert during the handshake is reported by its name, for a client and a server")
    func alerts() async throws {
        let (client, server) = try Connection.pair()
        async let failure = asyncCause { try await client.startTLS(TLSPeers.client()) }
        _ = try await server.read()
        try await server.write([21, 3, 3, 0, 2, 2, 40])
        #expect(await failure == .tls(.alert(.handshakeFailure)))
        let (other, peer) = try Connection.pair()
        try await other.write(Self.flights(.tls12)[0] + [21, 3, 3, 0, 2, 2, 80])
        #expect(
            await asyncCause { try await peer.startTLS(TLSPeers.server()) }
                == .tls(.alert(.internalError)))
    }

    /// Sends bytes without TLS on a connection with TLS.
    private func sendPlain(_ bytes: [UInt8], on connection: Connection) throws {
        _ = try bytes.withUnsafeBytes {
            try System.send(connection.source.descriptor, $0, .dontWait)
        }
    }

    @Test("bytes that are not TLS are a protocol violation, and the bytes before them arrive")
    func garbageAfterHandshake() async throws {
        let (client, server) = try await TLSPeers.pair()
        try await client.write("whole")
        try sendPlain(Array("GARBAGE GARBAGE".utf8), on: client)
        #expect(try await server.readExactly(5) == Array("whole".utf8))
        guard case .tls(.protocolViolation) = await asyncCause({ _ = try await server.read() })
        else {
            Issue.record("expected a violation")
            return
        }
    }

    @Test("the header of an oversized record is refused before the record arrives")
    func oversizedRecord() async throws {
        let (client, server) = try await TLSPeers.pair()
        // 16,384 bytes of plain text need at most 16,640 encrypted.
        let header: [UInt8] = [23, 3, 3, 0x41, 0x01]
        try sendPlain(header, on: client)
        guard
            case .tls(.protocolViolation(let reason)) = await asyncCause({
                _ = try await server.read(timeout: .seconds(10))
            })
        else {
            Issue.record("expected a violation")
            return
        }
        #expect(reason.contains("too long"), "\(reason)")
    }

    @Test("a server refuses a ClientHello that is too long without reading it to its end")
    func endlessHello() async throws {
        let (client, server) = try Connection.pair()
        // A handshake message of 16 MiB in records of the largest size.
        let record: [UInt8] = [22, 3, 1, 0x40, 0]
        let first = record + [1, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 3, count: 16380)
        async let failure = asyncCause {
            defer { server.close() }
            try await server.startTLS(TLSPeers.server())
        }
        _ = await asyncCause { while true { try await client.write(first) } }
        guard case .tls(.protocolViolation) = await failure else {
            Issue.record("expected a violation")
            return
        }
    }

    @Test("mutated flights never crash an engine, and each step ends")
    func mutatedFlights() throws {
        var generator = SeededGenerator(seed: 19)
        for version in [TLSVersion.tls12, .tls13] {
            let flights = try Self.flights(version)
            for round in 0..<150 {
                let isClient = !round.isMultiple(of: 2)
                var bytes = isClient ? flights[1] : flights[0] + flights[2]
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    let position = Int.random(in: 0..<bytes.count, using: &generator)
                    switch Int.random(in: 0..<3, using: &generator) {
                    case 0: bytes[position] = .random(in: 0...255, using: &generator)
                    case 1: bytes.remove(at: position)
                    default: bytes.insert(.random(in: 0...255, using: &generator), at: position)
                    }
                }
                let engine =
                    try isClient
                    ? TLSPeers.client().engine(host: nil, port: 443)
                    : TLSPeers.server().engine(host: nil, port: nil)
                if isClient {
                    var pipe = TLSPipe()
                    _ = engine.handshake(&pipe)
                }
                let step = bytes.withUnsafeBytes { bytes in
                    var pipe = TLSPipe(bytes)
                    return engine.handshake(&pipe)
                }
                if case .moved = step { Issue.record("a mutated handshake finished") }
                if let failure = step.failure {
                    #expect("\(failure)".utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
                }
            }
        }
    }

    // MARK: Injection

    @Test(
        "startTLS refuses every byte that arrived together with the reply to STARTTLS",
        arguments: [UInt8(ascii: "E"), 22, 21, 0])
    func injection(byte: UInt8) async throws {
        let (client, server) = try Connection.pair()
        try await server.write(Array("220 go\r\n".utf8) + [byte])
        #expect(try await client.readLine() == "220 go")
        #expect(
            await asyncCause { try await client.startTLS(TLSPeers.client()) }
                == .tls(.bytesBeforeTLS([byte])))
    }

    // MARK: Bounds

    @Test("a client keeps the tickets of at most 256 servers")
    func clientCache() throws {
        let digest = try Certificates.bytes("server.digest")
        let client = TLSConfiguration.client(
            trust: .insecurelyTrustAnything, pins: [TLSPin(.certificate, digest)])
        let server = try TLSPeers.server()
        for number in 0..<300 {
            var pair = try EnginePair(
                client: client, server: server, host: "host-\(number).test")
            _ = pair.handshake()
            _ = pair.write([1], from: .server)
            _ = pair.read(.client)
        }
        #expect(try client.context().tickets.withLock { $0.all.count } == 256)
    }

    @Test(
        "OpenSSL stores no session in the context of a client or of a server",
        arguments: [TLSVersion.tls12, .tls13])
    func storedSessions(version: TLSVersion) throws {
        var client = try TLSPeers.client()
        client.maximumVersion = version
        let server = try TLSPeers.server()
        for _ in 0..<5 {
            var pair = try EnginePair(client: client, server: server)
            _ = pair.handshake()
            _ = pair.write([1], from: .server)
            _ = pair.read(.client)
        }
        #expect(try Self.storedSessions(client.context()) == 0)
        #expect(try Self.storedSessions(server.context()) == 0)
    }

    /// Returns the number of sessions that OpenSSL stores in a context: SSL_CTX_sess_number.
    private static func storedSessions(_ context: OpenSSLContext) throws -> Int {
        typealias Control = @convention(c) (OpaquePointer, Int32, Int, UnsafeRawPointer?) -> Int
        let library = try #require(
            dlopen("libssl.so.3", RTLD_NOLOAD | RTLD_NOW)
                ?? dlopen("libssl.so.1.1", RTLD_NOLOAD | RTLD_NOW))
        defer { dlclose(library) }
        let control = unsafeBitCast(
            try #require(dlsym(library, "SSL_CTX_ctrl")), to: Control.self)
        // OpenSSL's own context is the first member of ours.
        let inner = UnsafePointer<OpaquePointer>(context.pointer).pointee
        return control(inner, 20, 0, nil)
    }

    // MARK: What the environment and the log contain

    @Test("the environment variable SSLKEYLOGFILE does not cause secrets to be logged")
    func environment() async {
        await #expect(processExitsWith: .success) {
            let path = Loopback.unixPath() + ".keys"
            setenv("SSLKEYLOGFILE", path, 1)
            var pair = try EnginePair(client: TLSPeers.client(), server: TLSPeers.server())
            let failures = pair.handshake()
            precondition(failures.client == nil && failures.server == nil)
            precondition(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("a client with insecurelyTrustAnything logs one warning, or none if it has pins")
    func insecureLog() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) {
            let client = TLSConfiguration.client(trust: .insecurelyTrustAnything)
            for _ in 0..<3 { _ = try client.engine(host: "localhost", port: 443) }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.components(separatedBy: "INSECURE: TLS verifies no certificate").count == 2)
        #expect(text.contains("warning"))
        let pinned = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) {
            let client = TLSConfiguration.client(
                trust: .insecurelyTrustAnything,
                pins: [TLSPin(.certificate, [UInt8](repeating: 0, count: 32))])
            _ = try client.engine(host: "localhost", port: 443)
        }
        let silence = String(decoding: pinned?.standardErrorContent ?? [], as: UTF8.self)
        #expect(!silence.contains("INSECURE"))
    }
}
