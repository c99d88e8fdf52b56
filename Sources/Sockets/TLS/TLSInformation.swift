/// The results of a TLS handshake: ``Connection/tls`` and ``Socket/tls``.
///
/// ```swift
/// let connection = try await Connection(to: .tcp("example.com", port: 443), tls: .client())
/// print(connection.tls?.version ?? "", connection.tls?.peerCertificate?.subject ?? "")
/// ```
public struct TLSInformation: Hashable, Sendable {
    /// The version.
    public let version: TLSVersion
    /// The cipher, such as "TLS_AES_128_GCM_SHA256", in OpenSSL's spelling.
    public let cipher: String
    /// The application protocol that both ends support (ALPN), such as "h2"; `nil` if the ends chose none.
    public let applicationProtocol: String?
    /// The name of the server that the client asked for (SNI), or `nil`.
    public let serverName: String?
    /// A Boolean value that indicates whether the handshake resumed an earlier session.
    public let isResumed: Bool
    /// The certificates that the peer sent, its own first; empty if it has none.
    public let peerCertificates: [TLSCertificate]
    /// The faults of the peer's certificates, if ``TLSConfiguration/notesFaults`` is set.
    package let faults: [TLSFailure]

    /// The peer's own certificate, or `nil` if it has none.
    public var peerCertificate: TLSCertificate? { peerCertificates.first }
}

/// A version of TLS.
public enum TLSVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// TLS 1.2 (RFC 5246).
    case tls12
    /// TLS 1.3 (RFC 8446).
    case tls13

    /// The name, such as "TLS 1.3".
    public var description: String {
        switch self {
        case .tls12: "TLS 1.2"
        case .tls13: "TLS 1.3"
        }
    }
}
