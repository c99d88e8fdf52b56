import Foundation
import Sockets
import Testing

/// Compiles and runs the listings about TLS in the README and the article, word for word, and the programs.
@Suite("TLS: listings and examples", .ownThread, .needsOpenSSL)
struct TLSListingsTests {
    /// The files of a self-signed certificate for localhost.
    private struct Files {
        let certificate: String
        let key: String

        init() throws {
            let folder = NSTemporaryDirectory() + "swift-sockets-tls-\(UUID())"
            certificate = folder + "/certificate.pem"
            key = folder + "/key.pem"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let command = """
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
                    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
                    -keyout '\(key)' -out '\(certificate)' 2>/dev/null
                """
            try #require(system(command) == 0)
        }

        func remove() {
            try? FileManager.default.removeItem(
                atPath: (certificate as NSString).deletingLastPathComponent)
        }
    }

    @Test("a client and a server with certificates from files exchange bytes")
    func clientAndServer() async throws {
        let files = try Files()
        defer { files.remove() }
        let (certificate, key) = (files.certificate, files.key)

        let identity = try TLSIdentity(certificateFile: certificate, keyFile: key)
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: .server(identity))
        let serving = Task {
            try await listener.serve { connection in try await connection.echo() }
        }
        let trust = try TLSTrust(file: certificate)
        let tls = TLSConfiguration.client(trust: trust, applicationProtocols: ["h2", "http/1.1"])
        let connection = try await Connection(to: listener.localAddress, tls: tls)
        if let tls = connection.tls {
            print(tls.version, tls.cipher, tls.applicationProtocol ?? "no protocol")
            print(tls.peerCertificate?.subject ?? "no certificate")
        }

        #expect(connection.tls?.peerCertificate?.subject == "/CN=localhost")
        #expect(try await connection.exchange("hello\n", reading: .line).text == "hello")
        await connection.finish()
        serving.cancel()
        try await serving.value
    }

    @Test("the article's listing reloads a certificate, and its client accepts the server by a pin")
    func renewalAndPin() async throws {
        let files = try Files()
        defer { files.remove() }
        let (certificate, key) = (files.certificate, files.key)

        let identity = try TLSIdentity.watching(certificateFile: certificate, keyFile: key)
        try identity.reload()
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: .server(identity))
        let serving = Task { try await listener.serve { try await $0.echo() } }
        let trust = try TLSTrust(file: certificate)
        let first = try await Connection(to: listener.localAddress, tls: .client(trust: trust))
        let fingerprint = "sha256:" + (first.tls?.peerCertificate?.fingerprint ?? "")

        let pin = try TLSPin(parsing: fingerprint)
        let tls = TLSConfiguration.client(trust: trust, pins: [pin])
        let connection = try await Connection(to: listener.localAddress, tls: tls)

        #expect(try await connection.exchange("hello\n", reading: .line).text == "hello")
        await first.finish()
        await connection.finish()
        serving.cancel()
        try await serving.value
    }

    /// A store of identities, as the article has one.
    private actor Store {
        func identity(for name: String?) throws -> TLSIdentity? {
            try TLSIdentity.selfSigned(for: name ?? "localhost")
        }
    }

    @Test("a server loads its identity from an async store")
    func store() async throws {
        let store = Store()
        let tls = TLSConfiguration.server { try await store.identity(for: $0.serverName) }
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: tls)
        let serving = Task { try await listener.serve { try await $0.echo() } }
        do throws(SocketError) {
            _ = try await Connection(
                to: listener.localAddress, tls: .client(serverName: "a.example"))
            Issue.record("a self-signed certificate was accepted")
        } catch {
            #expect(error.cause == .tls(.selfSigned(subject: "/CN=a.example")))
        }
        serving.cancel()
        try await serving.value
    }

    @Test("the default client does not trust a self-signed certificate")
    func defaultClient() async throws {
        let (a, b) = (
            try TLSIdentity.selfSigned(for: "a.example"),
            try TLSIdentity.selfSigned(for: "localhost")
        )
        let tls = TLSConfiguration.server { hello in hello.serverName == "a.example" ? a : b }
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0), tls: tls)
        let serving = Task { try await listener.serve { try await $0.echo() } }
        let host = "localhost"
        let port = Port(listener.localAddress.port ?? 0)

        do throws(SocketError) {
            let connection = try await Connection(to: .tcp(host, port: port), tls: .client())
            Issue.record("\(connection) was accepted")
        } catch {
            #expect(error.cause == .tls(.selfSigned(subject: "/CN=localhost")))
        }
        serving.cancel()
        try await serving.value
    }

    @Test("the server example serves the client example")
    func examples() throws {
        let files = try Files()
        defer { files.remove() }
        let server = try Program("TLSServer", "0", files.certificate, files.key)
        let port = try server.port(after: "Listening on")
        let client = try Program(
            "TLSClient", "127.0.0.1", "\(port)", files.certificate, input: "one\ntwo\n")
        let lines = try client.remainingLines()
        #expect(lines.first?.hasPrefix("Connected with TLS 1.3 and TLS_") == true)
        #expect(lines.dropFirst() == ["The server is /CN=localhost", "one", "two"])
    }

    @Test("the client example reports a certificate that it does not trust")
    func refusedExample() throws {
        let server = try Program("TLSServer", "0")
        let port = try server.port(after: "Listening on")
        let client = try Program("TLSClient", "127.0.0.1", "\(port)")
        #expect(
            try client.remainingLines() == [
                "cannot start TLS with 127.0.0.1:\(port): the certificate of localhost is"
                    + " self-signed and not trusted"
            ])
    }
}
