import SystemPackage
import Testing

@testable import Sockets

/// A client whose first bytes arrive in one segment with the end of its handshake.
private struct EagerClient: @unchecked Sendable {
    // Safe because one task at a time uses the engine.
    let configuration: TLSConfiguration
    let engine: any TLSEngine
    let connection: Connection

    init(_ connection: Connection, version: TLSVersion = .tls13) throws {
        var configuration = try TLSPeers.client()
        configuration.maximumVersion = version
        self.configuration = configuration
        self.connection = connection
        engine = try configuration.engine(host: "localhost", port: 443)
    }

    /// Makes one call of the engine, and returns the bytes to send.
    private func call(
        _ input: [UInt8] = [], _ body: (any TLSEngine, inout TLSPipe) -> TLSStep
    ) -> (step: TLSStep, output: [UInt8], rest: [UInt8]) {
        input.withUnsafeBytes {
            var pipe = TLSPipe($0)
            let step = body(engine, &pipe)
            return (step, pipe.overflow, Array(pipe.input))
        }
    }

    /// Returns the ClientHello.
    func hello() -> [UInt8] { call { $0.handshake(&$1) }.output }

    /// Returns the bytes that answer the server's flight, and whether the handshake has finished.
    func answer(_ flight: [UInt8]) -> (bytes: [UInt8], isFinished: Bool) {
        let (step, output, rest) = call(flight) { $0.handshake(&$1) }
        #expect(rest.isEmpty)
        if case .moved = step { return (output, true) }
        return (output, false)
    }

    func encrypt(_ text: String) -> [UInt8] {
        call { engine, pipe in
            Array(text.utf8).withUnsafeBytes { engine.write(&pipe, $0) }
        }.output
    }

    /// Returns close_notify.
    func end() -> [UInt8] { call { $0.end(&$1) }.output }

    /// Does the handshake, and sends the bytes of `first` in one segment with its end.
    func handshake(_ first: (EagerClient) -> [UInt8]) async throws {
        try await connection.write(hello())
        var isFinished = false
        while !isFinished {
            let answer = answer(try await connection.read(timeout: .seconds(10)))
            isFinished = answer.isFinished
            if !answer.bytes.isEmpty {
                try await connection.write(answer.bytes + (isFinished ? first(self) : []))
            }
        }
    }

    /// Decrypts the bytes of one read, or of the whole stream.
    func receive(toEnd: Bool = false) async throws -> String {
        var input =
            try await toEnd
            ? connection.readToEnd(timeout: .seconds(10)) : connection.read(timeout: .seconds(10))
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !input.isEmpty {
            let (step, _, rest) = call(input) { engine, pipe in
                buffer.withUnsafeMutableBytes { engine.read(&pipe, into: $0) }
            }
            input = rest
            guard case .moved(let count) = step else { break }
            text += buffer[..<count]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether the kernel has bytes that the client has not read.
    var hasArrivals: Bool {
        withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { room in
            let count = try? System.recv(
                connection.source.descriptor, room, [.dontWait, .peek])
            return count != nil
        }
    }

    /// Whether another handshake with the server's configuration resumes the session.
    func resumes(with server: TLSConfiguration) throws -> Bool {
        var pair = try EnginePair(client: configuration, server: server)
        let failures = pair.handshake()
        #expect(failures.client == nil && failures.server == nil)
        return pair.client.information.isResumed
    }
}

@Suite("Connection: tickets", .ownThread)
struct ConnectionTicketsTests {
    /// Runs `body` on the loop of a server's connection that has TLS and the first bytes of the client.
    ///
    /// Afterwards, the client must have tickets.
    ///
    /// - Parameters:
    ///   - text: The plain text that precedes TLS.
    ///   - first: Returns the bytes that arrive with the end of the client's handshake.
    ///   - body: The server's code.
    /// - Throws: What failed in the handshake, or the error of `body`.
    private func serve(
        after text: String = "", first: (EagerClient) -> [UInt8] = { $0.encrypt("hello") },
        _ body: @escaping @Sendable (Connection, EagerClient) async throws -> Void
    ) async throws {
        let (near, server) = try Connection.pair()
        let client = try EagerClient(near)
        let configuration = try TLSPeers.server()
        if !text.isEmpty {
            try await near.write(text)
            #expect(try await server.readLine() == "STARTTLS")
        }
        async let started: Void = Task(executorPreference: server.source.loop) {
            try await server.startTLS(configuration)
        }.value
        try await client.handshake(first)
        try await started
        try await Task(executorPreference: server.source.loop) {
            try await body(server, client)
        }.value
        #expect(try client.resumes(with: configuration))
        server.close()
    }

    @Test("the server sends tickets with its first reply", arguments: ["", "STARTTLS\r\n"])
    func reply(text: String) async throws {
        try await serve(after: text) { server, client in
            #expect(try await server.read() == Array("hello".utf8))
            #expect(!client.hasArrivals)
            try await server.write("reply")
            #expect(try await client.receive() == "reply")
            #expect(!client.hasArrivals)
        }
    }

    @Test("the server sends tickets before it waits for more bytes")
    func nextRead() async throws {
        try await serve { server, client in
            #expect(try await server.read() == Array("hello".utf8))
            let more = Task(executorPreference: server.source.loop) { try await server.read() }
            #expect(try await client.receive() == "")
            try await client.connection.write(client.encrypt("more"))
            #expect(try await more.value == Array("more".utf8))
        }
    }

    @Test("the server sends tickets before it waits for the rest of a record")
    func partialRecord() async throws {
        try await serve(first: { Array($0.encrypt("hello").prefix(7)) }) {
            server, client async throws in
            let read = Task(executorPreference: server.source.loop) { try await server.read() }
            #expect(try await client.receive() == "")
            read.cancel()
            #expect(await asyncCause { _ = try await read.value } == .cancelled)
        }
    }

    @Test("the server sends tickets when it receives EOF")
    func endOfClient() async throws {
        try await serve(first: { $0.end() }) { server, client async throws in
            #expect(try await server.read().isEmpty)
            #expect(try await client.receive() == "")
        }
    }

    @Test("the server sends tickets when its exchange waits for a reply")
    func exchange() async throws {
        try await serve { server, client in
            let exchange = Task(executorPreference: server.source.loop) {
                try await server.exchange("name?\n", reading: .line)
            }
            var received = ""
            while received.isEmpty { received += try await client.receive() }
            #expect(received == "name?\n")
            try await client.connection.write(client.encrypt(" me\n"))
            #expect(try await exchange.value.text == "hello me")
        }
    }

    enum End: CaseIterable {
        case shutdown, finish, close
    }

    @Test("the server sends tickets before it sends EOF", arguments: End.allCases, [true, false])
    func ends(end: End, afterRead: Bool) async throws {
        try await serve { server, client in
            if afterRead { #expect(try await server.read() == Array("hello".utf8)) }
            switch end {
            case .shutdown: try server.shutdown(.write)
            case .close: server.close()
            case .finish:
                try client.connection.shutdown(.write)
                await server.finish(timeout: .seconds(10))
            }
            #expect(try await client.receive(toEnd: true) == "")
        }
    }

    @Test("a client that sends nothing gets its tickets at once")
    func silentClient() async throws {
        try await serve(first: { _ in [] }) { _, client async throws in
            #expect(try await client.receive() == "")
        }
    }

    @Test("a server sends the last bytes of a TLS 1.2 handshake at once, before its first reply")
    func version12() async throws {
        let (near, server) = try Connection.pair()
        let client = try EagerClient(near, version: .tls12)
        let configuration = try TLSPeers.server()
        async let started: Void = Task(executorPreference: server.source.loop) {
            try await server.startTLS(configuration)
        }.value
        try await near.write(client.hello())
        // The header of a record arrives with the end of the client's handshake.
        let answer = client.answer(try await near.read(timeout: .seconds(10)))
        try await near.write(answer.bytes + [23, 3, 3])
        #expect(client.answer(try await near.read(timeout: .seconds(10))).isFinished)
        try await started
    }

    @Test("a handshake finishes on an event loop even if its bytes arrive one by one")
    func singleBytes() async throws {
        let (client, near) = try Connection.pair()
        let (far, server) = try Connection.pair()
        let configuration = try TLSPeers.server()
        async let served: Void = Task(executorPreference: server.source.loop) {
            try await server.startTLS(configuration)
            try await server.echo()
            await server.finish()
        }.value
        async let answered = far.copy(to: near)
        async let forwarded: Void = {
            while case let bytes = try await near.read(), !bytes.isEmpty {
                for byte in bytes {
                    try await far.write([byte])
                    // Write the next byte when the server has received this one.
                    while System.queueLength(server.source.descriptor, .receiveQueue) ?? 0 > 0 {
                        await Task.yield()
                    }
                }
            }
            try far.shutdown(.write)
        }()
        try await client.startTLS(TLSPeers.client())
        #expect(try await client.exchange("a\n", reading: .line).text == "a")
        await client.finish()
        try await served
        try await forwarded
        _ = try await answered
    }
}
