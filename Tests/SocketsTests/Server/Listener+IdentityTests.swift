import Testing

@testable import Sockets

@Suite("Listener: changing and choosing certificates", .ownThread, .needsOpenSSL)
struct ListenerIdentityTests {
    /// Returns the subject of the certificate that a server presents.
    private func subject(_ address: SocketAddress, as name: String = "localhost") async throws
        -> String?
    {
        let client = TLSConfiguration.client(serverName: name, trust: try Certificates.trust())
        let connection = try await Connection(to: address, tls: client)
        let subject = connection.tls?.peerCertificate?.subject
        await connection.finish()
        return subject
    }

    @Test("a reload while serving reaches the next client, and open connections continue")
    func reload() async throws {
        let files = try IdentityFiles("server")
        defer { files.remove() }
        let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
        try await TLSPeers.serving(.server(identity)) {
            try await $0.echo()
        } _: { address in
            let open = try await Connection(to: address, tls: TLSPeers.client())
            #expect(open.tls?.peerCertificate?.subject == "/CN=server")
            try files.use("renewed")
            try identity.reload()
            #expect(try await subject(address) == "/CN=renewed")
            #expect(try await open.exchange("a\n", reading: .line).text == "a")
            await open.finish()
        }
    }

    @Test("a watched identity reaches the next client while serving")
    func watching() async throws {
        let files = try IdentityFiles("server")
        defer { files.remove() }
        let identity = try TLSIdentity.watching(
            files.files, .init(interval: 0, logger: LogRecorder().logger))
        try await TLSPeers.serving(.server(identity)) {
            try await $0.echo()
        } _: { address in
            #expect(try await subject(address) == "/CN=server")
            try files.use("renewed")
            #expect(try await subject(address) == "/CN=renewed")
        }
    }

    /// A store of identities that answers later.
    private actor Store {
        struct Unreachable: Error {}

        func identity(for name: String?) async throws -> TLSIdentity? {
            await Task.yield()
            switch name {
            case "localhost": return try Certificates.identity("server")
            case "elsewhere.test": return try Certificates.identity("elsewhere")
            case "broken.test": throw Unreachable()
            default: return nil
            }
        }
    }

    @Test("a server chooses identities from an async store, and logs why the store has none")
    func asyncChoice() async throws {
        let store = Store()
        let log = LogRecorder()
        let server = TLSConfiguration.server { hello in
            try await store.identity(for: hello.serverName)
        }
        try await TLSPeers.serving(server, options: ServeOptions(logger: log.logger)) {
            try await $0.echo()
        } _: { address in
            let names = [
                try await subject(address), try await subject(address, as: "elsewhere.test"),
            ]
            #expect(names == ["/CN=server", "/CN=elsewhere"])
            #expect(
                await asyncCause { _ = try await subject(address, as: "unknown.test") }
                    == .tls(.alert(.unrecognizedName)))
            #expect(
                await asyncCause { _ = try await subject(address, as: "broken.test") }
                    == .tls(.alert(.internalError)))
        }
        let texts = log.messages.map { "\($0.metadata["error"].map { "\($0)" } ?? "")" }
        #expect(texts.contains { $0.hasSuffix("there is no certificate for 'unknown.test'") })
        #expect(
            texts.contains {
                $0.hasSuffix("there is no certificate for 'broken.test': Unreachable()")
            })
    }

    @Test("an endless choice of identity ends at the handshake's limit and delays no other client")
    func endlessChoice() async throws {
        let identity = try Certificates.identity("server")
        let ended = Lock(0)
        let server = TLSConfiguration.server { hello in
            guard hello.serverName != "localhost" else { return identity }
            defer { ended.withLock { $0 += 1 } }
            try await Task.sleep(for: .seconds(3600))
            return nil
        }
        let log = LogRecorder()
        let options = ServeOptions(handshakeTimeout: .milliseconds(300), logger: log.logger)
        try await TLSPeers.serving(server, options: options) {
            try await $0.echo()
        } _: { address in
            async let refused = asyncCause { _ = try await subject(address, as: "server.test") }
            let name = try await subject(address)
            #expect(name == "/CN=server")
            #expect(await refused == .tls(.truncated))
        }
        #expect(ended.withLock { $0 } == 1)
        let texts = log.messages.map { "\($0.metadata["error"].map { "\($0)" } ?? "")" }
        #expect(texts.contains { $0.contains("no answer in 300 ms") })
    }

    @Test("a cancelled server cancels the choice of an identity")
    func cancelledChoice() async throws {
        let (client, server) = try Connection.pair()
        let started = Lock(false)
        let choosing = TLSConfiguration.server { _ in
            started.withLock { $0 = true }
            try await Task.sleep(for: .seconds(3600))
            return nil
        }
        let handshake = Task { try await server.startTLS(choosing, timeout: .never) }
        let connecting = Task { try await client.startTLS(TLSPeers.client()) }
        #expect(await eventually { started.withLock { $0 } })
        handshake.cancel()
        #expect(await asyncCause { try await handshake.value } == .cancelled)
        server.close()
        #expect(await asyncCause { try await connecting.value } == .tls(.truncated))
    }

    @Test("a handshake that continues after a cancelled choice asks for the identity again")
    func repeatedChoice() async throws {
        let identity = try Certificates.identity("server")
        let calls = Lock(0)
        let choosing = TLSConfiguration.server { _ in
            let isFirst = calls.withLock {
                $0 += 1
                return $0 == 1
            }
            if isFirst { try await Task.sleep(for: .seconds(3600)) }
            return identity
        }
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: choosing)
        let client = try await Connection(to: listener.localAddress)
        let accepted = try await listener.accept(timeout: .seconds(10))
        async let started: Void = client.startTLS(TLSPeers.client())
        let cancelled = Task { try await accepted.handshake(timeout: .never) }
        #expect(await eventually { calls.withLock { $0 } == 1 })
        cancelled.cancel()
        #expect(await asyncCause { try await cancelled.value } == .cancelled)
        try await accepted.handshake()
        try await started
        #expect(client.tls?.peerCertificate?.subject == "/CN=server")
    }

    @Test("a blocking socket chooses its identity by a synchronous closure")
    func blockingChoice() throws {
        let (client, server) = try Loopback.tcpPair()
        let identity = try Certificates.identity("server")
        let started = Background {
            try server.startTLS(.server { $0.serverName == "localhost" ? identity : nil })
        }
        try client.startTLS(TLSPeers.client())
        try started.value()
        #expect(server.tls?.serverName == "localhost")
    }

    @Test("a blocking socket refuses an async closure")
    func blockingAsyncChoice() throws {
        let (client, server) = try Loopback.tcpPair()
        let refused = Background { () -> SocketError.Cause? in
            do throws(SocketError) {
                try server.startTLS(
                    .server { _ in
                        await Task.yield()
                        return nil
                    })
                return nil
            } catch {
                return error.cause
            }
        }
        let tls = try TLSPeers.client()
        do throws(SocketError) {
            try client.startTLS(tls)
            Issue.record("expected a refusal")
        } catch {
            #expect(error.cause == .tls(.alert(.internalError)))
        }
        #expect(
            try refused.value()
                == .tls(
                    .invalidConfiguration(
                        "a blocking socket cannot wait for the async choice of an identity")))
    }
}
