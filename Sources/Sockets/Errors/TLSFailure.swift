/// Why TLS failed: the cause of a ``SocketError`` with ``SocketError/Cause/tls(_:)``.
///
/// ```swift
/// do {
///     let connection = try await Connection(to: .tcp(host, port: 443), tls: .client())
/// } catch let error as SocketError {
///     if case .tls(.wrongHost(_, let names)) = error.cause { print("certified names:", names) }
/// }
/// ```
///
/// The set may grow, so switches need an `@unknown default`. A failure contains no secret.
@nonexhaustive
public enum TLSFailure: Error, Hashable, Sendable {
    /// The certificate has expired.
    ///
    /// `date` is the end of its validity, such as "2026-11-27 19:00:00 UTC".
    case expired(subject: String, date: String)
    /// The certificate is not yet valid.
    ///
    /// `date` is the beginning of its validity, such as "2026-11-27 19:00:00 UTC".
    case notYetValid(subject: String, date: String)
    /// The certificate is for other hosts, whose names and addresses are `names`.
    case wrongHost(expected: String, names: [String])
    /// The certificate is self-signed and not trusted.
    case selfSigned(subject: String)
    /// The issuer of the certificate is not trusted, or a certificate of the chain is missing.
    case unknownIssuer(subject: String, issuer: String)
    /// The certificate is for another purpose, for example only for clients.
    case wrongPurpose(subject: String)
    /// The certificate matches none of the required pins. `seen` is the certificate's own pin, such
    /// as "sha256:2f0b…".
    case pinMismatch(seen: String)
    /// The certificate is invalid for another reason, which `reason` describes.
    case invalidCertificate(subject: String, reason: String)
    /// The peer does not speak TLS. The associated value contains its first bytes.
    case notTLS([UInt8])
    /// These bytes arrived before TLS started, so an attacker may have injected them.
    case bytesBeforeTLS([UInt8])
    /// The two ends have no version of TLS in common.
    case versionRefused
    /// The two ends have no cipher in common.
    case cipherRefused
    /// The client offered application protocols, but the server supports none of them.
    case noApplicationProtocol
    /// The server requires a certificate, but the client has none.
    case clientCertificateRequired
    /// The server rejected the certificate of this client.
    case clientCertificateRefused(TLSAlert)
    /// The server has no identity for the client, which requested `serverName`.
    ///
    /// `reason` is the text of the error that choosing an identity threw, if any.
    case noIdentity(serverName: String?, reason: String?)
    /// The peer ended the connection with this alert.
    case alert(TLSAlert)
    /// The stream ended without TLS's closing alert (close_notify), so an attacker may have cut it
    /// off.
    case truncated
    /// The peer violated the protocol.
    case protocolViolation(String)
    /// The private key does not belong to the certificate.
    case keyMismatch
    /// An object, such as a certificate or a private key, cannot be read, for the given `reason`.
    case unreadable(String, reason: String)
    /// The password of the private key is missing or wrong.
    case wrongPassword(isMissing: Bool)
    /// The configuration is contradictory or not supported.
    case invalidConfiguration(String)
    /// This machine has no TLS library, or the program cannot load it.
    case unavailable(String)
}

extension TLSFailure: CustomStringConvertible {
    /// The failure as a phrase, to follow a colon.
    public var description: String {
        switch self {
        case .expired(let subject, let date):
            "the certificate of \(Self.shown(subject)) expired on \(date)"
        case .notYetValid(let subject, let date):
            "the certificate of \(Self.shown(subject)) is not valid before \(date)"
        case .wrongHost(let expected, let names):
            "the certificate is not for \(Self.shown(expected)); it is for \(Self.list(names))"
        case .selfSigned(let subject):
            "the certificate of \(Self.shown(subject)) is self-signed and not trusted"
        case .unknownIssuer(let subject, let issuer):
            "the certificate of \(Self.shown(subject)) was issued by \(Self.shown(issuer)), which is"
                + " not trusted"
        case .wrongPurpose(let subject):
            "the certificate of \(Self.shown(subject)) is not valid for this purpose"
        case .pinMismatch(let seen):
            "the certificate of the server does not match the pin; its own pin is \(seen)"
        case .invalidCertificate(let subject, let reason):
            "the certificate of \(Self.shown(subject)) is invalid: \(reason)"
        case .notTLS(let bytes):
            "the peer does not speak TLS; it sent '\(TerminalText.escaped(bytes.prefix(48)))'"
        case .bytesBeforeTLS(let bytes):
            "the peer sent '\(TerminalText.escaped(bytes.prefix(48)))' before TLS started, which an"
                + " attacker may have injected"
        case .versionRefused:
            "the two ends have no TLS version in common"
        case .cipherRefused:
            "the two ends have no cipher in common"
        case .noApplicationProtocol:
            "the two ends have no application protocol in common"
        case .clientCertificateRequired:
            "the server requires a certificate from the client, which has none"
        case .clientCertificateRefused(let alert):
            "the server refused the client's certificate: \(alert)"
        case .noIdentity(let name, let reason):
            "there is no certificate for \(name.map { TerminalText.quoted($0) } ?? "a client without SNI")"
                + (reason.map { ": \(TerminalText.escaped($0))" } ?? "")
        case .alert(let alert):
            "the peer ended the connection: \(alert)"
        case .truncated:
            "the stream was cut off, because the peer did not end TLS"
        case .protocolViolation(let reason):
            "the peer violated the TLS protocol: \(reason)"
        case .keyMismatch:
            "the private key does not belong to the certificate"
        case .unreadable(let object, let reason):
            "\(object) is unreadable: \(reason)"
        case .wrongPassword(let isMissing):
            isMissing
                ? "the private key is encrypted, and no password was given"
                : "the password of the private key is wrong"
        case .invalidConfiguration(let reason):
            reason
        case .unavailable(let reason):
            "no TLS library can be loaded (\(reason)); "
                + (reason.contains("Dynamic loading")
                    ? "a static program needs the package trait LinkedOpenSSL"
                    : "install the package openssl")
        }
    }

    /// Returns the escaped common name of a subject such as "/O=Example/CN=example.com".
    private static func shown(_ subject: String) -> String {
        let name = subject.split(separator: "/").last { $0.hasPrefix("CN=") }?.dropFirst(3)
        let text = escapedAnew(name ?? subject[...])
        return text.isEmpty ? "an unnamed subject" : text
    }

    /// Returns a name from a certificate as text.
    ///
    /// In `name`, all non-ASCII bytes are escaped. The result contains letters of every script and
    /// escapes only unsafe characters.
    private static func escapedAnew(_ name: Substring) -> String {
        TerminalText.escaped(TerminalText.bytes(unescaping: name.utf8))
    }

    private static func list(_ names: [String]) -> String {
        guard !names.isEmpty else { return "no host" }
        let shown = names.prefix(6).map { escapedAnew($0[...]) }.joined(separator: ", ")
        return names.count > 6 ? shown + ", and \(names.count - 6) more" : shown
    }
}
