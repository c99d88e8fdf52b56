import Sockets
import Testing

/// `sock info --tls`.
@Suite(.ownThread, .needsOpenSSL)
struct TLSReportTests {
    private let certificate: TestCertificate

    init() throws {
        certificate = try TestCertificate.shared.get()
    }

    private func info(_ flags: String...) throws -> SockProgram.Outcome {
        let peer = try Peer(tlsAfter: { _ in }, applicationProtocols: ["h2"]) { client, _ in
            client.finish()
        }
        return try SockProgram.run(["info", "--tls"] + flags + ["localhost", peer.port])
    }

    @Test("info --tls prints the connection, the certificates and each check")
    func complete() throws {
        let outcome = try info("--ca", certificate.certificateFile, "--alpn", "h2")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let lines = outcome.text.split(separator: "\n").map(String.init)
        let start = try #require(lines.firstIndex { $0.hasPrefix("Starting TLS...  ") })
        let rest = lines[(start + 1)...].map { $0 }
        try #require(rest.count == 11, "\(outcome.text)")
        #expect(rest[0].hasPrefix("TLS 1.3 with TLS_"))
        #expect(rest[0].hasSuffix(", application protocol h2"))
        #expect(
            rest[1...4] == [
                "Certificate 1", "  subject      /CN=localhost", "  issuer       /CN=localhost",
                "  names        localhost, 127.0.0.1",
            ])
        #expect(rest[5].hasPrefix("  valid        20"))
        #expect(rest[6] == "  fingerprint  \(certificate.pin)")
        #expect(rest[7] == "Checking the chain...                       done")
        #expect(rest[8] == "Checking the name localhost...              done")
        #expect(rest[9...10].allSatisfy { $0.hasSuffix("  done") })
    }

    @Test("info --tls shows every fault, and exits as connect does")
    func faults() throws {
        let outcome = try info("--sni", "elsewhere.example")
        #expect(outcome.status == 60)
        #expect(
            outcome.text.contains(
                "Checking the chain...                       the certificate of localhost is"
                    + " self-signed and not trusted\n"))
        #expect(
            outcome.text.contains(
                "Checking the name elsewhere.example...      the certificate is not for"
                    + " elsewhere.example; it is for localhost, 127.0.0.1\n"))
        #expect(outcome.text.contains("Checking the dates...                       done\n"))
        #expect(outcome.errorLines.count == 2)
    }

    @Test("info --tls succeeds with --insecure or the right pin, and exits with 90 for a wrong pin")
    func accepted() throws {
        let insecure = try info("--insecure")
        #expect(insecure.status == 0, "\(insecure.errors)")
        #expect(insecure.text.contains("self-signed and not trusted"))
        let pinned = try info("--pin", certificate.pin)
        #expect(pinned.status == 0, "\(pinned.errors)")
        #expect(pinned.text.hasSuffix("Checking the pin...                         done\n"))
        let other = try info("--pin", "sha256:" + String(repeating: "1", count: 64))
        #expect(other.status == 90)
        #expect(other.text.contains("its own pin is \(certificate.pin)\n"))
        let otherKey = try info("--pin", "sha256//\(String(repeating: "A", count: 43))=")
        #expect(otherKey.status == 90)
        for text in [otherKey.text, otherKey.errors] {
            #expect(text.contains("its own pin is sha256//"), "\(text)")
        }
    }

    @Test("info --tls --json prints one object, even if a check fails")
    func json() throws {
        let outcome = try info("--json")
        #expect(outcome.status == 60)
        #expect(outcome.text.split(separator: "\n").count == 1)
        for part in [
            #""tls":{"version":"TLS 1.3","cipher":"TLS_"#, #""applicationProtocol":null"#,
            #""names":["localhost","127.0.0.1"]"#, #""fingerprint":"\#(certificate.pin)""#,
            #""checks":{"chain":"the certificate"#,
            #""name":"done","dates":"done","purpose":"done"}"#,
        ] {
            #expect(outcome.text.contains(part), "\(outcome.text)")
        }
    }

    @Test("info --tls ends its line before it prints the error of a failed handshake")
    func notTLS() throws {
        let peer = try Peer { client in
            try client.sendAll("hello\r\n")
            _ = try client.receiveToEnd()
        }
        let outcome = try SockProgram.run("info", "--tls", "127.0.0.1", peer.port)
        #expect(outcome.status == 35)
        #expect(outcome.text.hasSuffix("Starting TLS...                             failed\n"))
    }
}
