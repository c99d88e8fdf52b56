import Foundation
import Logging
import Testing

@testable import Sockets

@Suite("IdentityStore: reloading", .needsOpenSSL)
struct IdentityStoreTests {
    /// Returns the subject of the certificate that a server presents to a new client.
    private func subject(_ server: TLSConfiguration) throws -> String? {
        var pair = try EnginePair(
            client: .client(trust: try Certificates.trust()), server: server)
        let failures = pair.handshake()
        #expect(failures.client == nil && failures.server == nil)
        return pair.client.information.peerCertificate?.subject
    }

    @Test("a configuration that is in use presents the certificate of the last reload")
    func reloads() throws {
        let files = try IdentityFiles("server")
        defer { files.remove() }
        let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
        let server = TLSConfiguration.server(identity)
        #expect(try subject(server) == "/CN=server")
        try files.use("renewed")
        #expect(try subject(server) == "/CN=server")
        try identity.reload()
        #expect(try subject(server) == "/CN=renewed")
        try files.use("server")
        try identity.reload()
        #expect(try subject(server) == "/CN=server")
    }

    @Test("a client presents the certificate of the last reload")
    func client() throws {
        let files = try IdentityFiles("client")
        defer { files.remove() }
        let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
        let client = TLSConfiguration.client(
            trust: try Certificates.trust(), identity: identity)
        let server = TLSConfiguration.server(
            try Certificates.identity("server"),
            clients: .required(trusting: .insecurelyTrustAnything))
        for name in ["client", "other-client"] {
            try files.use(name)
            try identity.reload()
            var pair = try EnginePair(client: client, server: server)
            #expect(pair.handshake().server == nil)
            #expect(pair.server.information.peerCertificate?.subject == "/CN=\(name)")
        }
    }

    @Test("a reload that fails throws and keeps the certificate")
    func failure() throws {
        let files = try IdentityFiles("server")
        defer { files.remove() }
        let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
        let server = TLSConfiguration.server(identity)
        try files.replace(files.certificate, with: Certificates.bytes("renewed.crt"))
        #expect(cause { try identity.reload() } == .tls(.keyMismatch))
        try files.replace(files.certificate, with: Array("no certificate".utf8))
        guard case .tls(.unreadable("the certificate", _)) = cause({ try identity.reload() }) else {
            Issue.record("expected unreadable")
            return
        }
        // OpenSSL reads this certificate, but does not use it.
        try files.use("weak")
        guard case .tls(.invalidConfiguration(let reason)) = cause({ try identity.reload() }) else {
            Issue.record("expected an invalid configuration")
            return
        }
        #expect(reason == "the certificate cannot be used: ee key too small")
        files.remove()
        #expect(cause { try identity.reload() } == .system(.noSuchFileOrDirectory))
        #expect(try subject(server) == "/CN=server")
    }

    @Test("an identity that was not read from files cannot be reloaded")
    func memory() throws {
        let pkcs12 = try Certificates.bytes("server.p12")
        for identity in [
            try TLSIdentity.selfSigned(for: "localhost"),
            try TLSIdentity(pkcs12: pkcs12, password: "secret"),
        ] {
            guard case .invalidInput = cause({ try identity.reload() }) else {
                Issue.record("expected invalid input")
                continue
            }
        }
    }

    @Test(
        "a session is still resumed after a reload", arguments: [TLSVersion.tls12, .tls13])
    func tickets(version: TLSVersion) throws {
        let files = try IdentityFiles("server")
        defer { files.remove() }
        let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
        let server = TLSConfiguration.server(identity)
        var client = TLSConfiguration.client(trust: try Certificates.trust())
        client.maximumVersion = version
        for isResumed in [false, true] {
            var pair = try EnginePair(client: client, server: server)
            #expect(pair.handshake().client == nil)
            _ = pair.write([1], from: .server)
            #expect(pair.read(.client).bytes == [1])
            #expect(pair.client.information.isResumed == isResumed)
            // OpenSSL does not resume a session that did not end.
            _ = pair.call(.client) { $0.end(&$1) }
            try files.use("renewed")
            try identity.reload()
        }
    }

    // MARK: Watching

    @Test("a watched identity notices replaced files, changed files and new symbolic links")
    func watches() throws {
        let files = try IdentityFiles("server")
        defer { files.remove() }
        let log = LogRecorder()
        let server = TLSConfiguration.server(
            try .watching(files.files, .init(interval: 0, logger: log.logger)))
        #expect(try subject(server) == "/CN=server")
        try files.use("renewed")
        #expect(try subject(server) == "/CN=renewed")
        // Writes into the same files.
        for file in [files.certificate, files.key] {
            let name = file == files.certificate ? "server.crt" : "server.key"
            try Data(Certificates.bytes(name)).write(to: URL(fileURLWithPath: file))
        }
        #expect(try subject(server) == "/CN=server")
        for (file, name) in [(files.certificate, "renewed.crt"), (files.key, "renewed.key")] {
            try FileManager.default.removeItem(atPath: file)
            try FileManager.default.createSymbolicLink(
                atPath: file, withDestinationPath: Certificates.path(name))
        }
        #expect(try subject(server) == "/CN=renewed")
        #expect(log.messages.map(\.text) == Array(repeating: "reloaded a certificate", count: 3))
        #expect(log.messages.allSatisfy { $0.level == .info })
    }

    @Test("a watched identity logs one error and keeps its certificate if the files do not match")
    func watchedFailure() throws {
        let files = try IdentityFiles("server")
        defer { files.remove() }
        let log = LogRecorder()
        let server = TLSConfiguration.server(
            try .watching(files.files, .init(interval: 0, logger: log.logger)))
        try files.replace(files.certificate, with: Certificates.bytes("renewed.crt"))
        for _ in 0..<3 { #expect(try subject(server) == "/CN=server") }
        #expect(log.messages.map(\.level) == [.error])
        #expect(
            "\(log.messages[0].metadata["error"] ?? "")".hasSuffix(
                "the private key does not belong to the certificate"))
        try files.replace(files.key, with: Certificates.bytes("renewed.key"))
        #expect(try subject(server) == "/CN=renewed")
        #expect(log.messages.map(\.level) == [.error, .info])
    }

    @Test("a watched identity does not examine its files again before the interval has passed")
    func interval() throws {
        let files = try IdentityFiles("server")
        defer { files.remove() }
        let watch = IdentityStore.Watch(
            interval: 3_600_000_000_000, logger: LogRecorder().logger)
        let identity = try TLSIdentity.watching(files.files, watch)
        let server = TLSConfiguration.server(identity)
        #expect(try subject(server) == "/CN=server")
        try files.use("renewed")
        #expect(try subject(server) == "/CN=server")
        try identity.reload()
        #expect(try subject(server) == "/CN=renewed")
    }

    @Test("each handshake during concurrent reloads uses the old or the new certificate")
    func concurrency() async throws {
        let files = try IdentityFiles("server")
        defer { files.remove() }
        let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
        let server = TLSConfiguration.server(identity)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for name in ["renewed", "server", "renewed"] {
                    try files.use(name)
                    try identity.reload()
                }
            }
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10 {
                        let subject = try self.subject(server)
                        #expect(subject == "/CN=server" || subject == "/CN=renewed")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try subject(server) == "/CN=renewed")
    }
}
