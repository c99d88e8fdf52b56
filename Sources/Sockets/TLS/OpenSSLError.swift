internal import CTLS

extension TLSFailure {
    /// Creates the failure that OpenSSL reported.
    ///
    /// - Parameters:
    ///   - error: The error.
    ///   - expectedName: The name that a client verifies.
    ///   - isClient: Whether this side is the client.
    ///   - hasClientIdentity: Whether this side is the client and has a certificate.
    ///   - pins: The client's pins.
    init(
        _ error: ctls_error, expectedName: String? = nil, isClient: Bool = false,
        hasClientIdentity: Bool = false, pins: [TLSPin] = []
    ) {
        let text = CText.string(error.text)
        let subject = CText.string(error.subject)
        self =
            switch error.kind {
            case ctls_expired: .expired(subject: subject, date: CText.string(error.date))
            case ctls_not_yet_valid: .notYetValid(subject: subject, date: CText.string(error.date))
            case ctls_wrong_host:
                .wrongHost(expected: expectedName ?? "", names: CText.lines(error.names))
            case ctls_self_signed: .selfSigned(subject: subject)
            case ctls_unknown_issuer:
                .unknownIssuer(subject: subject, issuer: CText.string(error.issuer))
            case ctls_wrong_purpose: .wrongPurpose(subject: subject)
            case ctls_invalid_certificate: .invalidCertificate(subject: subject, reason: text)
            case ctls_pin_mismatch: .pinMismatch(seen: Self.seen(error, pins))
            case ctls_no_client_certificate: .clientCertificateRequired
            case ctls_version_refused: .versionRefused
            case ctls_cipher_refused: .cipherRefused
            case ctls_protocol_refused: .noApplicationProtocol
            case ctls_alert:
                TLSFailure(
                    TLSAlert(rawValue: UInt8(truncatingIfNeeded: error.alert)), isClient: isClient,
                    hasClientIdentity: hasClientIdentity)
            case ctls_key_mismatch: .keyMismatch
            case ctls_unreadable_certificate: .unreadable("the certificate", reason: text)
            case ctls_unreadable_key: .unreadable("the private key", reason: text)
            case ctls_no_password: .wrongPassword(isMissing: true)
            case ctls_wrong_password: .wrongPassword(isMissing: false)
            default: .protocolViolation(text)
            }
    }

    /// Returns the text of the pin that the peer's certificate would match.
    ///
    /// It is a public-key pin if all of the client's pins are, and otherwise a certificate pin.
    private static func seen(_ error: ctls_error, _ pins: [TLSPin]) -> String {
        let isKey = pins.allSatisfy { $0.subject == .publicKey }
        let digest = CText.bytes(isKey ? error.key_digest : error.digest)
        return "\(TLSPin(isKey ? .publicKey : .certificate, digest))"
    }

    /// Returns the failure for a certificate that was read but that OpenSSL cannot use.
    static func unusableCertificate(_ error: ctls_error) -> TLSFailure {
        .invalidConfiguration("the certificate cannot be used: \(CText.string(error.text))")
    }

    /// Creates the failure that corresponds to an alert from the peer.
    private init(_ alert: TLSAlert, isClient: Bool, hasClientIdentity: Bool) {
        self =
            switch alert {
            case .protocolVersion: .versionRefused
            case .noApplicationProtocol: .noApplicationProtocol
            case .certificateRequired where isClient: .clientCertificateRequired
            case .badCertificate, .unsupportedCertificate, .certificateRevoked, .certificateExpired,
                .certificateUnknown, .unknownAuthority:
                hasClientIdentity ? .clientCertificateRefused(alert) : .alert(alert)
            default: .alert(alert)
            }
    }
}
