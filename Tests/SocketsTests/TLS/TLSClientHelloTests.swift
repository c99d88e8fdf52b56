import Testing

@testable import Sockets

@Suite("TLSClientHello", .needsOpenSSL)
struct TLSClientHelloTests {
    /// The contents of the extension server_name with a name.
    private func nameList(_ name: String) -> [UInt8] {
        let count = UInt8(name.utf8.count)
        return [0, count + 3, 0, 0, count] + name.utf8
    }

    @Test("the name of the server is parsed in lower case")
    func name() {
        let hello = TLSClientHello(serverName: nameList("A.Example"), protocols: [])
        #expect(hello == TLSClientHello(serverName: "a.example"))
    }

    @Test("application protocols are read in their order")
    func protocols() {
        let hello = TLSClientHello(
            serverName: [], protocols: [0, 12, 2] + "h2".utf8 + [8] + "http/1.1".utf8)
        #expect(hello == TLSClientHello(applicationProtocols: ["h2", "http/1.1"]))
    }

    @Test("a damaged extension is parsed as if it were missing")
    func damaged() {
        let name = nameList("a.example")
        var texts = [[], [0], [0, 0], [0, 3, 0, 0, 0], name + [0], nameList("a\0b")]
        texts += (0..<name.count).map { Array(name[..<$0]) }
        // Another type of name.
        texts.append([0, 4, 1, 0, 1, 65])
        for text in texts {
            #expect(TLSClientHello(serverName: text, protocols: []).serverName == nil)
        }
        for text: [UInt8] in [
            [0], [0, 1, 0], [0, 3, 2, 65], [0, 2, 1, 65, 0], [0, 4, 1, 65, 2, 66],
        ] {
            let hello = TLSClientHello(serverName: [], protocols: text)
            #expect(hello.applicationProtocols == [])
        }
    }

    @Test("parsing a mutated extension gives a name of bounded length and no empty protocol")
    func mutated() {
        var generator = SeededGenerator(seed: 19)
        let seeds = [nameList("a.example"), [0, 12, 2] + "h2".utf8 + [8] + "http/1.1".utf8]
        for round in 0..<5000 {
            var bytes = seeds[round % 2]
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let position = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[position] = .random(in: 0...255, using: &generator)
            }
            bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
            let hello = TLSClientHello(serverName: bytes, protocols: bytes)
            // Bytes that are not UTF-8 become longer.
            #expect((hello.serverName ?? "a").utf8.count <= 3 * bytes.count + 1)
            #expect(hello.applicationProtocols.allSatisfy { !$0.isEmpty })
        }
    }

    // MARK: The choice of an identity

    private enum Unreachable: Error { case store }

    @Test(
        "TLSIdentityChoice holds the closure's identity, or a failure if it returned nil or threw")
    func choices() async throws {
        let hello = TLSClientHello(serverName: "a.example")
        let identity = try Certificates.identity("server")
        guard case .success = TLSIdentityChoice(for: hello, { _ in identity }),
            case .success = await TLSIdentityChoice(
                for: hello,
                { _ in
                    await Task.yield()
                    return identity
                })
        else {
            Issue.record("expected an identity")
            return
        }
        guard case .failure(let none) = TLSIdentityChoice(for: hello, { _ in nil }),
            case .failure(let error) = TLSIdentityChoice(
                for: hello, { _ in throw Unreachable.store })
        else {
            Issue.record("expected a failure")
            return
        }
        #expect(none == .noIdentity(serverName: "a.example", reason: nil))
        #expect(error == .noIdentity(serverName: "a.example", reason: "store"))
    }

    @Test(
        "an engine pauses until an identity is chosen, and then continues",
        arguments: [TLSVersion.tls12, .tls13])
    func pauses(version: TLSVersion) throws {
        var client = TLSConfiguration.client(
            trust: try Certificates.trust(), applicationProtocols: ["h2", "http/1.1"])
        client.maximumVersion = version
        let server = TLSConfiguration.server { _ in nil }
        var pair = try EnginePair(client: client, server: server, host: "localhost")
        _ = pair.call(.client) { $0.handshake(&$1) }
        for _ in 0..<2 {
            guard case .wantsIdentity = pair.call(.server, { $0.handshake(&$1) }) else {
                Issue.record("expected wantsIdentity")
                return
            }
        }
        #expect(
            pair.server.clientHello
                == TLSClientHello(
                    serverName: "localhost", applicationProtocols: ["h2", "http/1.1"]))
        pair.server.use(.success(try Certificates.identity("server")))
        let failures = pair.handshake()
        #expect(failures.client == nil && failures.server == nil)
        #expect(pair.client.information.peerCertificate?.subject == "/CN=server")
    }

    @Test("a refused client gets an alert, and the server's failure has the reason")
    func refuses() throws {
        let client = TLSConfiguration.client(trust: try Certificates.trust())
        for (reason, alert) in [(nil, TLSAlert.unrecognizedName), ("store", .internalError)] {
            var pair = try EnginePair(client: client, server: .server { _ in nil })
            _ = pair.call(.client) { $0.handshake(&$1) }
            _ = pair.call(.server) { $0.handshake(&$1) }
            let failure = TLSFailure.noIdentity(serverName: "localhost", reason: reason)
            pair.server.use(.failure(failure))
            let failures = pair.handshake()
            #expect(failures.server == failure)
            #expect(failures.client == .alert(alert))
        }
    }

    @Test("a chosen identity that OpenSSL refuses is reported as an invalid configuration")
    func unusable() throws {
        var pair = try EnginePair(
            client: .client(trust: try Certificates.trust()), server: .server { _ in nil })
        _ = pair.call(.client) { $0.handshake(&$1) }
        _ = pair.call(.server) { $0.handshake(&$1) }
        pair.server.use(.success(try Certificates.identity("weak")))
        let failures = pair.handshake()
        #expect(
            failures.server
                == .invalidConfiguration("the certificate cannot be used: ee key too small"))
        #expect(failures.client == .alert(.internalError))
    }

    @Test("an identity is chosen even if the client resumes a session")
    func resumes() throws {
        let client = TLSConfiguration.client(trust: try Certificates.trust())
        let identity = try Certificates.identity("server")
        let server = TLSConfiguration.server { _ in identity }
        for isResumed in [false, true] {
            var pair = try EnginePair(client: client, server: server)
            _ = pair.call(.client) { $0.handshake(&$1) }
            guard case .wantsIdentity = pair.call(.server, { $0.handshake(&$1) }) else {
                Issue.record("expected wantsIdentity")
                return
            }
            pair.server.use(.success(identity))
            #expect(pair.handshake().client == nil)
            _ = pair.write([1], from: .server)
            #expect(pair.read(.client).bytes == [1])
            #expect(pair.client.information.isResumed == isResumed)
            // OpenSSL does not resume a session that did not end.
            _ = pair.call(.client) { $0.end(&$1) }
        }
    }
}
