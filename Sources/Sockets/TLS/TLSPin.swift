/// The SHA-256 digest that a server's certificate or its public key must have.
///
/// ```swift
/// let pin = try TLSPin(parsing: "sha256:2f0b…")
/// let connection = try await Connection(to: endpoint, tls: .client(pins: [pin]))
/// ```
///
/// A pin of a public key stays valid if the same key gets a new certificate. ``description``
/// returns a text that ``init(parsing:)`` accepts.
public struct TLSPin: Hashable, Sendable, CustomStringConvertible {
    /// The object whose digest a pin contains.
    enum Subject: Sendable {
        case certificate, publicKey
    }

    let subject: Subject
    let digest: [UInt8]

    static let digestCount = 32

    init(_ subject: Subject, _ digest: [UInt8]) {
        self.subject = subject
        self.digest = digest
    }

    /// Parses a pin.
    ///
    /// - `sha256:` and 64 hexadecimal digits, with or without colons between the bytes, is the
    ///   digest of a certificate: ``TLSCertificate/fingerprint``, or the output of
    ///   `openssl x509 -fingerprint -sha256`.
    /// - `sha256//` and 44 characters in base64 is the digest of a public key, as curl's
    ///   `--pinnedpubkey` writes it.
    ///
    /// - Parameter text: The pin.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/invalidInput(_:)`` if the text
    ///   is not a pin.
    public init(parsing text: String) throws(SocketError) {
        let bytes = Array(text.utf8)
        if bytes.starts(with: "sha256//".utf8), let digest = Self.base64(bytes.dropFirst(8)) {
            self.init(.publicKey, digest)
        } else if bytes.starts(with: "sha256:".utf8), let digest = Self.hex(bytes.dropFirst(7)) {
            self.init(.certificate, digest)
        } else {
            throw SocketError(
                .parse,
                .invalidInput(
                    "expected sha256: and 64 hexadecimal digits, or sha256// and 44 characters of base64"
                ), subject: TerminalText.quoted(text))
        }
    }

    /// Returns whether a certificate or its public key has the digest.
    package func matches(_ certificate: TLSCertificate) -> Bool { pin(of: certificate) == self }

    /// Returns the pin of the same kind that a certificate matches.
    package func pin(of certificate: TLSCertificate) -> TLSPin {
        let digits =
            subject == .certificate ? certificate.fingerprint : certificate.publicKeyFingerprint
        return TLSPin(subject, Self.hex(Array(digits.utf8)[...]) ?? [])
    }

    /// The pin as text, such as "sha256:2f0b…" for a certificate or "sha256//LwuT…=" for a public
    /// key.
    public var description: String {
        switch subject {
        case .certificate: "sha256:" + Hexadecimal.text(of: digest)
        case .publicKey: "sha256//" + Base64.text(of: digest)
        }
    }

    /// Parses a digest in hexadecimal; returns `nil` if the digits are not a SHA-256 digest.
    private static func hex(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        let colon = UInt8(ascii: ":")
        let hasColons = digits.count == digestCount * 3 - 1
        guard hasColons || digits.count == digestCount * 2 else { return nil }
        var digest: [UInt8] = []
        var rest = digits
        while let high = rest.popFirst().flatMap({ Hexadecimal.value(of: $0) }),
            let low = rest.popFirst().flatMap({ Hexadecimal.value(of: $0) })
        {
            digest.append(high << 4 | low)
            if hasColons, let separator = rest.popFirst(), separator != colon { return nil }
        }
        return digest.count == digestCount ? digest : nil
    }

    /// Parses a digest in base64 (RFC 4648); returns `nil` if the characters are not a SHA-256
    /// digest.
    private static func base64(_ characters: ArraySlice<UInt8>) -> [UInt8]? {
        guard characters.count == 44, characters.last == UInt8(ascii: "=") else { return nil }
        var digest: [UInt8] = []
        var (bits, count) = (UInt32(0), 0)
        for character in characters.dropLast() {
            guard let value = Base64.digits.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                digest.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= 1 << UInt32(count) - 1
            }
        }
        // The last character has two bits too many, which must be zero.
        return bits == 0 ? digest : nil
    }
}
