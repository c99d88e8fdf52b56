internal import CTLS

/// A certificate of a peer.
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

    /// Creates a certificate from its encoding, or returns `nil` if the bytes are not a certificate.
    init?(_ bytes: [UInt8]) {
        var description = ctls_description()
        guard ctls_describe(bytes, bytes.count, &description) == 1 else { return nil }
        self.bytes = bytes
        subject = CText.string(description.subject)
        issuer = CText.string(description.issuer)
        hosts = CText.lines(description.names)
        validFrom = description.valid_from
        validUntil = description.valid_until
        fingerprint = withUnsafeBytes(of: description.digest) { digest in
            let digits = digest.flatMap {
                [Hexadecimal.digit(for: $0 >> 4), Hexadecimal.digit(for: $0)]
            }
            return String(decoding: digits, as: UTF8.self)
        }
    }
}

/// The text in fixed-size arrays of C structures, which Swift imports as tuples.
enum CText {
    /// Returns the text before the first NUL.
    static func string<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Returns the lines of the text.
    static func lines<Characters>(_ characters: Characters) -> [String] {
        string(characters).split(separator: "\n").map { String($0) }
    }
}
