import Foundation
import Sockets

/// A certificate for localhost and its key, in files that openssl(1) writes once for each test process.
struct TestCertificate: Sendable {
    let certificateFile: String
    let keyFile: String
    /// The value of `--pin` for the certificate.
    let pin: String
    let identity: TLSIdentity

    /// The certificate of this process, or the error of making it.
    static let shared = Result { try TestCertificate() }

    private init() throws {
        let folder = try temporaryFolder()
        certificateFile = folder + "/certificate.pem"
        keyFile = folder + "/key.pem"
        _ = try SockProgram.shell(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
                -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
                -keyout '\(keyFile)' -out '\(certificateFile)'
            """)
        identity = try TLSIdentity(certificateFile: certificateFile, keyFile: keyFile)
        pin = "sha256:\(identity.certificate.fingerprint)"
    }
}

extension Peer {
    /// Accepts one client, starts TLS as its server after `preface`, and passes it to `body`.
    ///
    /// `body` also gets a duplicate of the socket, which sends and ends without TLS.
    convenience init(
        tlsAfter preface: @escaping @Sendable (Socket) throws -> Void = { _ in },
        applicationProtocols: [String] = [],
        _ body: @escaping @Sendable (_ client: Socket, _ plain: Socket) throws -> Void
    ) throws {
        let certificate = try TestCertificate.shared.get()
        try self.init { client in
            try preface(client)
            let plain = try client.duplicate()
            defer { plain.close() }
            try client.startTLS(
                .server(certificate.identity, applicationProtocols: applicationProtocols))
            try body(client, plain)
        }
    }
}
