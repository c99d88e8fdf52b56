/// The results of a TLS handshake, which ``Connection/tls`` and ``Socket/tls`` return.
///
/// ```swift
/// let connection = try await Connection(to: .tcp("example.com", port: 443), tls: .client())
/// print(connection.tls?.version ?? "", connection.tls?.peerCertificate?.subject ?? "")
/// ```
public struct TLSInformation: Hashable, Sendable {
    /// The negotiated version.
    public let version: TLSVersion
    /// The cipher, such as "TLS_AES_128_GCM_SHA256", in OpenSSL's spelling.
    public let cipher: String
    /// The negotiated application protocol (ALPN), such as "h2", or `nil` if none was negotiated.
    public let applicationProtocol: String?
    /// The server name that the client requested (SNI), or `nil` if it requested none.
    public let serverName: String?
    /// A Boolean value that indicates whether the handshake resumed an earlier session.
    public let isResumed: Bool
    /// The certificates that the peer sent, beginning with its own; empty if it sent none.
    public let peerCertificates: [TLSCertificate]
    /// The faults of the peer's certificates, if ``TLSConfiguration/notesFaults`` is set.
    package let faults: [TLSFailure]

    /// The peer's own certificate, or `nil` if it sent none.
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
