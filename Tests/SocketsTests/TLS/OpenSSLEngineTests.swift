import Testing

@testable import Sockets

@Suite("TLS engine", .needsOpenSSL)
struct OpenSSLEngineTests {
    /// Returns a pair with a server's identity and a client that trusts the authority.
    private func pair(
        _ name: String = "server", host: String = "localhost",
        client: (inout TLSConfiguration) -> Void = { _ in },
        server: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> EnginePair {
        var clientConfiguration = TLSConfiguration.client(trust: try Certificates.trust())
        var serverConfiguration = TLSConfiguration.server(try Certificates.identity(name))
        client(&clientConfiguration)
        server(&serverConfiguration)
        return try EnginePair(client: clientConfiguration, server: serverConfiguration, host: host)
    }

    @Test("two ends transfer bytes in both versions", arguments: [TLSVersion.tls12, .tls13])
    func transfers(version: TLSVersion) throws {
        var pair = try pair(client: { $0.maximumVersion = version })
        let failures = pair.handshake()
        #expect(failures.client == nil && failures.server == nil)
        #expect(pair.client.information.version == version)
        #expect(pair.server.information.serverName == "localhost")
        _ = pair.write(Array("question".utf8), from: .client)
        #expect(pair.read(.server, peeking: true).bytes == Array("question".utf8))
        #expect(pair.read(.server).bytes == Array("question".utf8))
        _ = pair.write(Array("answer".utf8), from: .server)
        #expect(pair.read(.client).bytes == Array("answer".utf8))
    }

    @Test("an end that has sent close_notify still receives")
    func halfClose() throws {
        var pair = try pair()
        _ = pair.handshake()
        _ = pair.call(.client) { $0.end(&$1) }
        #expect(pair.read(.server).step.isEnd)
        _ = pair.write([1, 2, 3], from: .server)
        #expect(pair.read(.client).bytes == [1, 2, 3])
    }

    @Test("a key update is answered and loses no bytes")
    func keyUpdate() throws {
        var pair = try pair()
        _ = pair.handshake()
        pair.client.updateKeys()
        _ = pair.write([1], from: .client)
        #expect(pair.read(.server).bytes == [1])
        _ = pair.write([2], from: .server)
        #expect(pair.read(.client).bytes == [2])
    }

    @Test("the TLS information of a client contains the server's certificate")
    func information() throws {
        var pair = try pair()
        _ = pair.handshake()
        let certificate = try #require(pair.client.information.peerCertificate)
        #expect(certificate.subject == "/CN=server")
        #expect(certificate.issuer == "/CN=Test CA")
        #expect(certificate.hosts == ["localhost", "server.test", "127.0.0.1"])
        #expect(certificate.validFrom < certificate.validUntil)
        #expect(certificate.fingerprint.utf8.count == 64)
        #expect(pair.server.information.peerCertificates.isEmpty)
    }

    @Test(
        "a client resumes an earlier session with the same server",
        arguments: [TLSVersion.tls12, .tls13])
    func resumes(version: TLSVersion) throws {
        var client = TLSConfiguration.client(trust: try Certificates.trust())
        client.maximumVersion = version
        let server = TLSConfiguration.server(try Certificates.identity("server"))
        var first = try EnginePair(client: client, server: server)
        _ = first.handshake()
        _ = first.write([1], from: .server)
        #expect(first.read(.client).bytes == [1])
        #expect(!first.client.information.isResumed)
        var second = try EnginePair(client: client, server: server)
        _ = second.handshake()
        #expect(second.client.information.isResumed)
        #expect(second.client.information.peerCertificate?.subject == "/CN=server")
        // Another server needs a full handshake.
        var third = try EnginePair(client: client, server: server, host: "server.test")
        _ = third.handshake()
        #expect(!third.client.information.isResumed)
    }

    @Test("a configuration without resumption keeps no ticket")
    func resumesNot() throws {
        var client = TLSConfiguration.client(trust: try Certificates.trust())
        client.resumesSessions = false
        let server = TLSConfiguration.server(try Certificates.identity("server"))
        for _ in 0..<2 {
            var pair = try EnginePair(client: client, server: server)
            _ = pair.handshake()
            _ = pair.write([1], from: .server)
            _ = pair.read(.client)
            #expect(!pair.client.information.isResumed)
        }
    }

    // MARK: Certificates

    @Test("an expired certificate is refused, and the error names the date")
    func expired() throws {
        var pair = try pair("expired")
        let failures = pair.handshake()
        #expect(
            failures.client == .expired(subject: "/CN=expired", date: "2021-01-02 03:04:05 UTC"))
        #expect(failures.server == .alert(.certificateExpired))
    }

    @Test("a certificate that is not yet valid is refused, and the error names the date")
    func early() throws {
        var pair = try pair("early")
        let expected = TLSFailure.notYetValid(subject: "/CN=early", date: "2040-01-01 00:00:00 UTC")
        #expect(pair.handshake().client == expected)
    }

    @Test("a certificate for other hosts is refused, and the error lists those hosts")
    func wrongHost() throws {
        var pair = try pair("elsewhere")
        #expect(
            pair.handshake().client
                == .wrongHost(expected: "localhost", names: ["elsewhere.test", "192.0.2.7"]))
    }

    @Test(
        "an IP address is verified against the addresses in the certificate",
        arguments: [("192.0.2.7", true), ("192.0.2.8", false)])
    func address(host: String, isGood: Bool) throws {
        var pair = try pair("elsewhere", host: host)
        #expect((pair.handshake().client == nil) == isGood)
        // An address is not sent as the name of the server.
        #expect(pair.server.information.serverName == nil)
    }

    @Test("an international name is verified in its ASCII form, without a final dot")
    func internationalName() throws {
        let identity = try TLSIdentity.selfSigned(for: "xn--bcher-kva.example")
        let client = TLSConfiguration.client(trust: try TLSTrust(certificateOf: identity))
        var pair = try EnginePair(
            client: client, server: .server(identity), host: "bücher.example.")
        #expect(pair.handshake().client == nil)
        #expect(pair.server.information.serverName == "xn--bcher-kva.example")
    }

    @Test("a self-signed certificate is refused unless it is trusted")
    func selfSigned() throws {
        let identity = try TLSIdentity.selfSigned(for: "localhost")
        var client = TLSConfiguration.client(trust: try Certificates.trust())
        var refused = try EnginePair(client: client, server: .server(identity))
        #expect(refused.handshake().client == .selfSigned(subject: "/CN=localhost"))
        client.trust = try TLSTrust(certificateOf: identity)
        var accepted = try EnginePair(client: client, server: .server(identity))
        #expect(accepted.handshake().client == nil)
    }

    @Test("a certificate of an unknown issuer is refused")
    func unknownIssuer() throws {
        var pair = try pair("unknown")
        let failures = pair.handshake()
        #expect(failures.client == .unknownIssuer(subject: "/CN=unknown", issuer: "/CN=Other CA"))
        #expect(failures.server == .alert(.unknownAuthority))
    }

    @Test("a client that trusts only the system's issuers refuses a certificate of the test issuer")
    func systemTrust() throws {
        var pair = try pair(client: { $0.trust = .system })
        #expect(
            pair.handshake().client
                == .unknownIssuer(subject: "/CN=server", issuer: "/CN=Test CA"))
    }

    @Test("a certificate for clients is refused as a server certificate")
    func wrongPurpose() throws {
        var pair = try pair("for-clients")
        #expect(pair.handshake().client == .wrongPurpose(subject: "/CN=for-clients"))
    }

    @Test(
        "insecurelyTrustAnything accepts any certificate", arguments: ["expired", "unknown"])
    func trustsAnything(name: String) throws {
        var pair = try pair(name, client: { $0.trust = .insecurelyTrustAnything })
        #expect(pair.handshake().client == nil)
    }

    // MARK: Client certificates

    @Test("a server gets the certificate of its client", arguments: [TLSVersion.tls12, .tls13])
    func clientCertificate(version: TLSVersion) throws {
        let (identity, trust) = (try Certificates.identity("client"), try Certificates.trust())
        var pair = try pair(
            client: {
                $0.identity = identity
                $0.maximumVersion = version
            }, server: { $0.clientCertificates = .required(trusting: trust) })
        #expect(pair.handshake().server == nil)
        #expect(pair.server.information.peerCertificate?.subject == "/CN=client")
        #expect(pair.server.information.peerCertificates.count == 1)
    }

    @Test("a client without a certificate is refused if the server requires a certificate")
    func clientCertificateRequired() throws {
        let trust = try Certificates.trust()
        var pair = try pair(server: { $0.clientCertificates = .required(trusting: trust) })
        #expect(pair.handshake().server == .clientCertificateRequired)
        // The client learns it after its own handshake.
        #expect(pair.read(.client).step.failure == .clientCertificateRequired)
    }

    @Test("a client with a certificate of an unknown issuer is refused")
    func clientCertificateRefused() throws {
        let (identity, trust) = (
            try Certificates.identity("other-client"), try Certificates.trust()
        )
        var pair = try pair(
            client: { $0.identity = identity },
            server: { $0.clientCertificates = .optional(trusting: trust) })
        #expect(
            pair.handshake().server
                == .unknownIssuer(subject: "/CN=other-client", issuer: "/CN=Other CA"))
        #expect(
            pair.read(.client).step.failure == .clientCertificateRefused(.unknownAuthority))
    }

    @Test("a client with a certificate for servers is refused")
    func wrongClientPurpose() throws {
        let (identity, trust) = (try Certificates.identity("server"), try Certificates.trust())
        var pair = try pair(
            client: { $0.identity = identity },
            server: { $0.clientCertificates = .required(trusting: trust) })
        #expect(pair.handshake().server == .wrongPurpose(subject: "/CN=server"))
        #expect(
            pair.read(.client).step.failure == .clientCertificateRefused(.unsupportedCertificate))
    }

    @Test("hostile names in a certificate are escaped and stay separate names")
    func hostileNames() throws {
        var pair = try pair("hostile")
        let failure = try #require(pair.handshake().client)
        #expect(
            "\(failure)"
                == #"the certificate is not for localhost; it is for evil.test\x00.localhost,"#
                + #" a\x0alocalhost, \x1b[2J, back\slash"#)
        var trusting = try self.pair("hostile", client: { $0.trust = .insecurelyTrustAnything })
        _ = trusting.handshake()
        let certificate = try #require(trusting.client.information.peerCertificate)
        #expect(
            certificate.hosts
                == [
                    #"evil.test\x00.localhost"#, #"a\x0alocalhost"#, #"\x1b[2J"#, #"back\x5cslash"#,
                ])
        #expect(certificate.subject.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    }

    @Test("a server that trusts any client certificate still requires a certificate")
    func anyClientCertificate() throws {
        let identity = try Certificates.identity("other-client")
        var accepted = try pair(
            client: { $0.identity = identity },
            server: { $0.clientCertificates = .required(trusting: .insecurelyTrustAnything) })
        #expect(accepted.handshake().server == nil)
        #expect(accepted.server.information.peerCertificate?.subject == "/CN=other-client")
        var refused = try pair(
            server: { $0.clientCertificates = .required(trusting: .insecurelyTrustAnything) })
        #expect(refused.handshake().server == .clientCertificateRequired)
    }

    @Test("a client without a certificate is accepted if the certificate is optional")
    func clientCertificateOptional() throws {
        let trust = try Certificates.trust()
        var pair = try pair(server: { $0.clientCertificates = .optional(trusting: trust) })
        #expect(pair.handshake().server == nil)
    }

    // MARK: Negotiation

    @Test("the server's preferred application protocol is chosen")
    func applicationProtocol() throws {
        var pair = try pair(
            client: { $0.applicationProtocols = ["http/1.1", "h2"] },
            server: { $0.applicationProtocols = ["h2", "http/1.1"] })
        #expect(pair.handshake().client == nil)
        #expect(pair.client.information.applicationProtocol == "h2")
        #expect(pair.server.information.applicationProtocol == "h2")
    }

    @Test("a client without an application protocol of the server is refused")
    func noApplicationProtocol() throws {
        var pair = try pair(
            client: { $0.applicationProtocols = ["h3"] },
            server: { $0.applicationProtocols = ["h2"] })
        let failures = pair.handshake()
        #expect(failures.client == .noApplicationProtocol)
        #expect(failures.server == .noApplicationProtocol)
    }

    @Test("a handshake without a common version fails with `versionRefused` at both ends")
    func versionRefused() throws {
        var pair = try pair(
            client: { $0.maximumVersion = .tls12 }, server: { $0.minimumVersion = .tls13 })
        let failures = pair.handshake()
        #expect(failures.client == .versionRefused)
        #expect(failures.server == .versionRefused)
    }

    @Test("a server refuses a client without a common cipher, and the client gets an alert")
    func cipherRefused() throws {
        var pair = try pair(
            client: {
                $0.maximumVersion = .tls12
                $0.ciphers.tls12 = "ECDHE-ECDSA-AES128-GCM-SHA256"
            }, server: { $0.ciphers.tls12 = "ECDHE-ECDSA-AES256-GCM-SHA384" })
        let failures = pair.handshake()
        #expect(failures.server == .cipherRefused)
        #expect(failures.client == .alert(.handshakeFailure))
    }

    @Test("a server chooses its identity by the requested host name, and refuses an unknown name")
    func choosesIdentity() throws {
        let (a, b) = (try Certificates.identity("server"), try Certificates.identity("elsewhere"))
        let server = TLSConfiguration.server { hello in
            switch hello.serverName {
            case "localhost": a
            case "elsewhere.test": b
            default: nil
            }
        }
        let client = TLSConfiguration.client(trust: try Certificates.trust())
        for host in ["localhost", "elsewhere.test"] {
            var pair = try EnginePair(client: client, server: server, host: host)
            #expect(pair.handshake().client == nil)
        }
        var refused = try EnginePair(client: client, server: server, host: "server.test")
        #expect(refused.handshake().client == .alert(.unrecognizedName))
    }

    // MARK: Damage

    @Test("a damaged record is reported as a violation, and the peer gets an alert")
    func damaged() throws {
        var pair = try pair()
        _ = pair.handshake()
        let record: [UInt8] = [23, 3, 3, 0, 32] + [UInt8](repeating: 7, count: 32)
        let step = record.withUnsafeBytes { bytes in
            var pipe = TLSPipe(bytes)
            var room = [UInt8](repeating: 0, count: 100)
            return room.withUnsafeMutableBytes { pair.server.read(&pipe, into: $0) }
        }
        guard case .protocolViolation = step.failure else {
            Issue.record("expected a violation: \(step)")
            return
        }
    }

    @Test("a record that is larger than the limit is refused")
    func oversized() throws {
        let server = TLSConfiguration.server(try Certificates.identity("server"))
        let engine = try server.engine(host: nil, port: nil)
        let record: [UInt8] = [22, 3, 1, 0xFF, 0xFF] + [UInt8](repeating: 1, count: 100)
        let step = record.withUnsafeBytes { bytes in
            var pipe = TLSPipe(bytes)
            return engine.handshake(&pipe)
        }
        #expect(step.failure != nil)
    }
}
