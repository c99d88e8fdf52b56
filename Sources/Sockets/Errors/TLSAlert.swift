/// A TLS alert, which tells the peer why the sender closes the connection (RFC 8446, section 6).
public struct TLSAlert: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number of the alert.
    public let rawValue: UInt8

    /// Creates an alert.
    ///
    /// - Parameter rawValue: The number of the alert.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The sender found no security parameters, such as a cipher, that both ends support.
    public static let handshakeFailure = TLSAlert(rawValue: 40)
    /// The certificate is damaged.
    public static let badCertificate = TLSAlert(rawValue: 42)
    /// The sender does not support the type of the certificate.
    public static let unsupportedCertificate = TLSAlert(rawValue: 43)
    /// The issuer has revoked the certificate.
    public static let certificateRevoked = TLSAlert(rawValue: 44)
    /// The certificate has expired or is not yet valid.
    public static let certificateExpired = TLSAlert(rawValue: 45)
    /// The sender rejects the certificate for another reason.
    public static let certificateUnknown = TLSAlert(rawValue: 46)
    /// The sender does not trust the issuer of the certificate.
    public static let unknownAuthority = TLSAlert(rawValue: 48)
    /// The sender denies access, although the certificate is valid.
    public static let accessDenied = TLSAlert(rawValue: 49)
    /// The sender does not support the protocol version of its peer.
    public static let protocolVersion = TLSAlert(rawValue: 70)
    /// The sender cannot continue because of an internal error.
    public static let internalError = TLSAlert(rawValue: 80)
    /// The server has no identity for the name that the client requested.
    public static let unrecognizedName = TLSAlert(rawValue: 112)
    /// The server requires a certificate from the client.
    public static let certificateRequired = TLSAlert(rawValue: 116)
    /// The server supports none of the client's application protocols.
    public static let noApplicationProtocol = TLSAlert(rawValue: 120)

    /// The name and the number, such as "unknown certificate authority (alert 48)".
    public var description: String {
        Self.names[rawValue].map { "\($0) (alert \(rawValue))" } ?? "alert \(rawValue)"
    }

    private static let names: [UInt8: String] = [
        0: "close notify", 10: "unexpected message", 20: "bad record MAC", 22: "record overflow",
        40: "handshake failure", 42: "bad certificate", 43: "unsupported certificate",
        44: "certificate revoked", 45: "certificate expired", 46: "certificate unknown",
        47: "illegal parameter", 48: "unknown certificate authority", 49: "access denied",
        50: "decode error", 51: "decrypt error", 70: "protocol version",
        71: "insufficient security", 80: "internal error", 86: "inappropriate fallback",
        90: "user canceled", 109: "missing extension", 110: "unsupported extension",
        112: "unrecognized name", 113: "bad certificate status response",
        115: "unknown PSK identity", 116: "certificate required", 120: "no application protocol",
    ]
}
