internal import CTLS

extension TLSIdentity {
    /// The certificate that peers receive.
    ///
    /// ```swift
    /// let identity = try TLSIdentity.selfSigned(for: "localhost")
    /// print(identity.certificate.fingerprint)
    /// ```
    public var certificate: TLSCertificate {
        let object = object
        let size = ctls_identity_certificate(object.pointer, nil)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { room, initialized in
            initialized = ctls_identity_certificate(object.pointer, room.baseAddress)
        }
        guard let certificate = TLSCertificate(bytes) else {
            fatalError("OpenSSL cannot read a certificate that it has written")
        }
        return withExtendedLifetime(object) { certificate }
    }
}
