internal import CTLS

/// An X.509 certificate, such as the certificate of a peer.
public struct TLSCertificate: Hashable, Sendable {
    /// The encoded certificate (DER).
    public let bytes: [UInt8]
    /// The subject, such as "/O=Example/CN=example.com".
    public let subject: String
    /// The issuer, such as "/O=Example/CN=Example CA".
    public let issuer: String
    /// The names and addresses of the hosts that the certificate is for.
    public let hosts: [String]
    /// The first second at which the certificate is valid, in seconds since 1970.
    public let validFrom: Int64
    /// The last second at which the certificate is valid, in seconds since 1970.
    public let validUntil: Int64
    /// The SHA-256 digest of ``bytes`` in hexadecimal.
    public let fingerprint: String
    /// The SHA-256 digest of the public key in hexadecimal, which stays the same if the key gets a
    /// new certificate.
    ///
    /// It is the digest of the encoded SubjectPublicKeyInfo, as in RFC 7469.
    public let publicKeyFingerprint: String

    /// Creates a certificate from its encoding, or returns `nil` if the bytes are not a
    /// certificate.
    init?(_ bytes: [UInt8]) {
        var description = ctls_description()
        guard ctls_describe(bytes, bytes.count, &description) == 1 else { return nil }
        self.bytes = bytes
        subject = CText.string(description.subject)
        issuer = CText.string(description.issuer)
        hosts = CText.lines(description.names)
        validFrom = description.valid_from
        validUntil = description.valid_until
        fingerprint = Hexadecimal.text(of: CText.bytes(description.digest))
        publicKeyFingerprint = Hexadecimal.text(of: CText.bytes(description.key_digest))
    }
}

/// Functions that return the contents of fixed-size arrays in C structures.
///
/// Swift imports such arrays as tuples.
enum CText {
    /// Returns the bytes of an array.
    static func bytes<Bytes>(_ bytes: Bytes) -> [UInt8] { withUnsafeBytes(of: bytes) { Array($0) } }

    /// Returns the text before the first NUL.
    static func string<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Returns the lines of the text.
    static func lines<Characters>(_ characters: Characters) -> [String] {
        string(characters).split(separator: "\n").map { String($0) }
    }
}
