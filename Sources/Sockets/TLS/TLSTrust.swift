internal import CTLS

/// The issuers whose certificates are trusted.
///
/// ```swift
/// let trust = try TLSTrust(file: "/etc/ssl/company.pem")
/// let connection = try await Connection(
///     to: .tcp("build.example", port: 443), tls: .client(trust: trust))
/// ```
public struct TLSTrust: Sendable {
    enum Kind: Sendable {
        case system
        case certificates(OpenSSLObject)
        case anything
    }

    let kind: Kind

    private init(_ kind: Kind) { self.kind = kind }

    /// The issuers that the system trusts, such as those of the package ca-certificates.
    public static let system = TLSTrust(.system)

    /// Trusts every peer, so an attacker who controls the network can read and change everything.
    ///
    /// Neither certificates nor names are verified. Each configuration that uses this value logs a
    /// warning once. If the configuration has ``TLSConfiguration/pins``, it logs none, and a client
    /// checks only the pins.
    public static let insecurelyTrustAnything = TLSTrust(.anything)

    /// Trusts only the certificates in a PEM file and the certificates that they issued.
    ///
    /// - Parameter file: The path of the file.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the file cannot be read.
    ///   - ``SocketError/Cause/tls(_:)`` with ``TLSFailure/unreadable(_:reason:)`` or
    ///     ``TLSFailure/unavailable(_:)``.
    public init(file: String) throws(SocketError) {
        let bytes = try TLSFile.contents(of: file)
        kind = .certificates(
            try OpenSSLObject(file, ctls_certificates_destroy) {
                ctls_certificates_create(bytes, bytes.count, &$0)
            })
    }

    /// Trusts only the certificates in a PEM text and the certificates that they issued.
    ///
    /// - Parameter certificates: The certificates.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/tls(_:)``, which contains
    ///   ``TLSFailure/unreadable(_:reason:)`` or ``TLSFailure/unavailable(_:)``.
    public init(certificates: [UInt8]) throws(SocketError) {
        kind = .certificates(
            try OpenSSLObject("from memory", ctls_certificates_destroy) {
                ctls_certificates_create(certificates, certificates.count, &$0)
            })
    }

    /// Trusts only the certificate of an identity, for example a self-signed one.
    ///
    /// - Parameter identity: The identity.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/tls(_:)`` if memory runs out.
    public init(certificateOf identity: TLSIdentity) throws(SocketError) {
        let object = identity.object
        kind = .certificates(
            try OpenSSLObject("of an identity", ctls_certificates_destroy) { error in
                withExtendedLifetime(object) { ctls_certificates_of(object.pointer, &error) }
            })
    }
}
