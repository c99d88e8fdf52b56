import Testing

@testable import Sockets

@Suite("TLSPin", .needsOpenSSL)
struct TLSPinTests {
    private static let hex = "00ff102030405060708090a0b0c0d0e0f00102030405060708090a0b0c0d0e0f"
    private static let base64 = "AP8QIDBAUGBwgJCgsMDQ4PABAgMEBQYHCAkKCwwNDg8="

    @Test(
        "a pin parses as the digest of a certificate or a public key, and prints in its usual form")
    func parsing() throws {
        let certificate = try TLSPin(parsing: "sha256:" + Self.hex)
        let key = try TLSPin(parsing: "sha256//" + Self.base64)
        #expect(certificate.digest == key.digest && certificate != key)
        #expect("\(certificate)" == "sha256:" + Self.hex)
        #expect("\(key)" == "sha256//" + Self.base64)
        let colons = stride(from: 0, to: 64, by: 2).map { Self.hex.dropFirst($0).prefix(2) }
        #expect(
            try TLSPin(parsing: "sha256:" + colons.joined(separator: ":").uppercased())
                == certificate)
    }

    private static let brokenDigits: [String] = [
        "", hex + "0", "\(hex.dropLast())", "\(hex.dropLast(2))", "\(hex.dropLast())g",
        " \(hex.dropLast())", "\(hex.dropLast(2)):0f", String(repeating: ":", count: 95),
        String(repeating: "0:0", count: 31) + "00",
    ]

    private static let brokenCharacters: [String] = [
        "", hex, "\(base64.dropLast())", base64 + "=", "\(base64.dropLast(2))9=",
        "\(base64.dropLast(2))==", "_\(base64.dropFirst())", "=\(base64.dropFirst())",
    ]

    @Test(
        "text that is not in the form of a pin is rejected",
        arguments: ["", "sha256", hex, "sha1:" + hex, "SHA256:" + hex]
            + brokenDigits.map { "sha256:" + $0 } + brokenCharacters.map { "sha256//" + $0 })
    func invalid(text: String) {
        do throws(SocketError) {
            _ = try TLSPin(parsing: text)
            Issue.record("\(text) was parsed")
        } catch {
            #expect(error.operation == .parse)
        }
    }

    @Test("a mutated pin is refused, or prints text that parses to the same pin")
    func mutated() throws {
        var texts = MutatedText(
            of: ["sha256:" + Self.hex, "sha256//" + Self.base64], seed: 19)
        for _ in 0..<2000 {
            guard let pin = try? TLSPin(parsing: texts.next()) else { continue }
            #expect(try TLSPin(parsing: "\(pin)") == pin)
        }
    }

    // MARK: Handshakes

    /// Returns the client's and the server's failures with these pins.
    private func handshake(
        _ pins: [TLSPin], server: String = "server", trust: TLSTrust? = nil,
        version: TLSVersion = .tls13
    ) throws -> (client: TLSFailure?, server: TLSFailure?) {
        var client = TLSConfiguration.client(
            trust: try trust ?? Certificates.trust(), pins: pins)
        client.maximumVersion = version
        var pair = try EnginePair(
            client: client, server: .server(try Certificates.identity(server)))
        return pair.handshake()
    }

    /// Returns the certificate of the tests' server.
    private func certificate() throws -> TLSCertificate {
        var pair = try EnginePair(
            client: .client(trust: try Certificates.trust()),
            server: .server(try Certificates.identity("server")))
        _ = pair.handshake()
        return try #require(pair.client.information.peerCertificate)
    }

    private func certificatePin() throws -> TLSPin {
        try TLSPin(parsing: "sha256:" + certificate().fingerprint)
    }

    private func keyPin() throws -> TLSPin {
        let digits = try certificate().publicKeyFingerprint
        return TLSPin(.publicKey, try TLSPin(parsing: "sha256:" + digits).digest)
    }

    private static let other = TLSPin(.certificate, [UInt8](repeating: 7, count: 32))

    @Test("a server is accepted if one pin matches its certificate or its public key")
    func accepted() throws {
        for pins in [[try certificatePin()], [try keyPin()], [Self.other, try keyPin()]] {
            #expect(try handshake(pins).client == nil)
        }
    }

    @Test(
        "a server whose pin does not match is refused, and the error contains the server's pin",
        arguments: [TLSVersion.tls12, .tls13])
    func mismatch(version: TLSVersion) throws {
        let failures = try handshake([Self.other], version: version)
        #expect(failures.client == .pinMismatch(seen: "\(try certificatePin())"))
        #expect(failures.server == .alert(.badCertificate))
        let keys = [TLSPin(.publicKey, Self.other.digest)]
        #expect(try handshake(keys).client == .pinMismatch(seen: "\(try keyPin())"))
    }

    @Test("a digest of the certificate is not accepted as a digest of the public key")
    func subjects() throws {
        let swapped = TLSPin(.publicKey, try certificatePin().digest)
        #expect(try handshake([swapped]).client == .pinMismatch(seen: "\(try keyPin())"))
    }

    @Test("a client with pins still verifies the certificate")
    func verified() throws {
        guard case .expired = try handshake([Self.other], server: "expired").client else {
            Issue.record("expected expired")
            return
        }
    }

    @Test("a client with insecurelyTrustAnything checks only the pins")
    func anything() throws {
        let trust = TLSTrust.insecurelyTrustAnything
        guard
            case .pinMismatch(let seen) =
                try handshake([Self.other], server: "expired", trust: trust).client
        else {
            Issue.record("expected a mismatch")
            return
        }
        let pin = try TLSPin(parsing: seen)
        #expect(try handshake([pin], server: "expired", trust: trust).client == nil)
    }

    @Test("the digests equal the digests that openssl(1) prints")
    func digests() throws {
        #expect(try certificatePin().digest == Certificates.bytes("server.digest"))
        #expect(try keyPin().digest == Certificates.bytes("server.key-digest"))
    }
}
