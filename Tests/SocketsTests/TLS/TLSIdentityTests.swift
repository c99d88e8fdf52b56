import Foundation
import Testing

@testable import Sockets

@Suite("TLS identities, trust and configurations", .needsOpenSSL)
struct TLSIdentityTests {
    @Test("a key that does not belong to the certificate is refused")
    func keyMismatch() throws {
        let (certificate, key) = (
            try Certificates.path("server.crt"), try Certificates.path("ca.key")
        )
        #expect(
            cause { _ = try TLSIdentity(certificateFile: certificate, keyFile: key) }
                == .tls(.keyMismatch))
    }

    @Test("the text of a failure names the file and not the key")
    func text() throws {
        let (certificate, key) = (
            try Certificates.path("server.crt"), try Certificates.path("ca.key")
        )
        do {
            _ = try TLSIdentity(certificateFile: certificate, keyFile: key)
            Issue.record("expected an error")
        } catch {
            #expect(
                error.description
                    == "cannot load the certificate \(certificate): the private key does not belong to the certificate"
            )
        }
    }

    @Test("text that is not PEM is unreadable")
    func unreadable() throws {
        let server = try Certificates.bytes("server.crt")
        let key = try Certificates.bytes("server.key")
        let text = Array("certificate".utf8)
        guard
            case .tls(.unreadable("the certificate", _)) = cause({
                _ = try TLSIdentity(certificate: text, key: key)
            }),
            case .tls(.unreadable("the private key", _)) = cause({
                _ = try TLSIdentity(certificate: server, key: text)
            }),
            case .tls(.unreadable("the certificate", _)) = cause({
                _ = try TLSTrust(certificates: text)
            }),
            case .tls(.unreadable("the certificate", _)) = cause({
                _ = try TLSIdentity(pkcs12: text)
            })
        else {
            Issue.record("expected unreadable")
            return
        }
    }

    @Test("a chain or trust file with a damaged later certificate is reported as unreadable")
    func damagedChain() throws {
        let server = String(decoding: try Certificates.bytes("server.crt"), as: UTF8.self)
        let key = try Certificates.bytes("server.key")
        let issuer = String(decoding: try Certificates.bytes("ca.crt"), as: UTF8.self)
        let middle = issuer.index(issuer.startIndex, offsetBy: issuer.count / 2)
        let damages = [
            // A character that is not base64, a wrong certificate, and one that was cut off.
            issuer.replacingCharacters(in: middle...middle, with: "!"),
            issuer.replacing("MII", with: "MIA", maxReplacements: 1),
            String(issuer[..<middle]),
        ]
        for damaged in damages {
            let chain = Array((server + damaged).utf8)
            guard
                case .tls(.unreadable("the certificate", _)) = cause({
                    _ = try TLSIdentity(certificate: chain, key: key)
                }),
                case .tls(.unreadable("the certificate", _)) = cause({
                    _ = try TLSTrust(certificates: chain)
                })
            else {
                Issue.record("expected unreadable: \(damaged)")
                continue
            }
        }
        // Text before, between and after certificates is ignored.
        let commented = Array("# leaf\n\(server)# issuer\n\(issuer)# end\n".utf8)
        _ = try TLSIdentity(certificate: commented, key: key)
        _ = try TLSTrust(certificates: commented)
    }

    @Test("a missing file is reported as a system error")
    func missing() {
        #expect(
            cause { _ = try TLSTrust(file: "/nonexistent/ca.crt") }
                == .system(.noSuchFileOrDirectory))
    }

    @Test("an encrypted key needs its password", arguments: ["secret", "wrong", nil])
    func password(password: String?) throws {
        let certificate = try Certificates.path("server.crt")
        let key = try Certificates.path("encrypted.key")
        let expected: SocketError.Cause? =
            password == "secret" ? nil : .tls(.wrongPassword(isMissing: password == nil))
        #expect(
            cause {
                _ = try TLSIdentity(
                    certificateFile: certificate, keyFile: key, password: password)
            } == expected)
    }

    @Test("a PKCS#12 archive yields an identity with issuers", arguments: ["secret", "wrong", nil])
    func archive(password: String?) throws {
        let bytes = try Certificates.bytes("server.p12")
        guard password == "secret" else {
            #expect(
                cause { _ = try TLSIdentity(pkcs12: bytes, password: password) }
                    == .tls(.wrongPassword(isMissing: password == nil)))
            return
        }
        let identity = try TLSIdentity(pkcs12: bytes, password: password)
        var pair = try EnginePair(
            client: .client(trust: try Certificates.trust()), server: .server(identity))
        #expect(pair.handshake().client == nil)
        #expect(pair.client.information.peerCertificates.count == 2)
    }

    @Test("no text or dump of a configuration contains a key or a password")
    func secrets() throws {
        let identity = try TLSIdentity(
            certificateFile: Certificates.path("server.crt"),
            keyFile: Certificates.path("encrypted.key"), password: "secret")
        let configuration = TLSConfiguration.server(identity)
        _ = try configuration.context()
        var text = "\(configuration) \(String(reflecting: configuration))"
        dump(configuration, to: &text)
        #expect(!text.contains("PRIVATE") && !text.contains("BEGIN") && !text.contains("secret"))
    }

    @Test(
        "creating a self-signed certificate throws for an empty or overlong host",
        arguments: ["", String(repeating: "x", count: 65)])
    func host(host: String) {
        guard case .invalidInput = cause({ _ = try TLSIdentity.selfSigned(for: host) }) else {
            Issue.record("expected invalid input")
            return
        }
    }

    @Test("contradictory or unusable settings throw `invalidConfiguration`")
    func invalid() throws {
        let identity = try TLSIdentity.selfSigned(for: "localhost")
        let changes: [(inout TLSConfiguration) -> Void] = [
            { ($0.minimumVersion, $0.maximumVersion) = (.tls13, .tls12) },
            { $0.ciphers.tls12 = "nonsense" },
            { $0.applicationProtocols = [""] },
            { $0.applicationProtocols = [String(repeating: "x", count: 256)] },
        ]
        for change in changes {
            var configuration = TLSConfiguration.server(identity)
            change(&configuration)
            guard case .invalidConfiguration = failure({ _ = try configuration.context() }) else {
                Issue.record("expected an invalid configuration")
                continue
            }
        }
    }

    @Test("a client needs the name of the server unless it uses insecurelyTrustAnything")
    func serverName() throws {
        guard
            case .invalidConfiguration = failure({
                _ = try TLSConfiguration.client().engine(host: nil, port: nil)
            }),
            case .invalidConfiguration = failure({
                _ = try TLSConfiguration.client().engine(host: "not a name", port: nil)
            })
        else {
            Issue.record("expected an invalid configuration")
            return
        }
        _ = try TLSConfiguration.client(trust: .insecurelyTrustAnything)
            .engine(host: nil, port: nil)
    }

    private func failure(_ body: () throws -> Void) -> TLSFailure? {
        do {
            try body()
            return nil
        } catch {
            return error as? TLSFailure
        }
    }

    @Test("without a TLS library, the failure names the package to install")
    func unavailable() async {
        await #expect(processExitsWith: .success) {
            // No library can be opened without a descriptor.
            let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var usual = rlimit()
            getrlimit(descriptors, &usual)
            var none = rlimit(rlim_cur: 0, rlim_max: usual.rlim_max)
            setrlimit(descriptors, &none)
            // The address sanitizer opens files when the process exits.
            defer { setrlimit(descriptors, &usual) }
            do throws(SocketError) {
                _ = try TLSIdentity.selfSigned(for: "localhost")
                fatalError("a library was loaded")
            } catch {
                guard case .tls(.unavailable(let reason)) = error.cause else {
                    fatalError("\(error)")
                }
                precondition(reason.hasPrefix("libssl.so.3: "), reason)
                precondition(error.description.hasSuffix("; install the package openssl"))
            }
        }
    }

    @Test(
        "clients with equal settings share one context, and changed settings create a new context")
    func contexts() throws {
        let usual = try TLSConfiguration.client().context()
        #expect(try TLSConfiguration.client(serverName: "a.example").context() === usual)
        var changed = TLSConfiguration.client()
        changed.minimumVersion = .tls13
        #expect(try changed.context() !== usual)
    }

    @Test("secrets are logged to the configured file, and only the file's owner can read it")
    func keyLog() throws {
        let path = Loopback.unixPath() + ".keys"
        defer { try? System.unlink(Array(path.utf8)) }
        var client = TLSConfiguration.client(trust: try Certificates.trust())
        client.keyLogFile = path
        let server = TLSConfiguration.server(try Certificates.identity("server"))
        var pair = try EnginePair(client: client, server: server)
        _ = pair.handshake()
        let text = String(decoding: try System.contents(ofFile: path), as: UTF8.self)
        #expect(text.split(separator: "\n").allSatisfy { $0.split(separator: " ").count == 3 })
        #expect(text.contains("CLIENT_TRAFFIC_SECRET_0"))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
}
