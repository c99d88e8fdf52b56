internal import CTLS
public import Logging
internal import SystemPackage

/// A certificate chain and its private key, by which a server or a client proves who it is.
///
/// ```swift
/// let identity = try TLSIdentity(
///     certificateFile: "/etc/ssl/example.pem", keyFile: "/etc/ssl/example.key")
/// try await Listener(on: .tcp(port: 8443), tls: .server(identity)).serve { try await $0.echo() }
/// ```
///
/// The files are read when the identity is created, and again by ``reload()``. An identity from
/// ``watching(certificateFile:keyFile:password:logger:)`` notices changed files itself. The copies
/// of an identity share the certificate, so a listener that is already serving uses the new
/// certificate for its next client. Established connections and resumed sessions continue.
///
/// The description of an identity does not contain the key.
public struct TLSIdentity: Sendable, CustomStringConvertible, CustomReflectable {
    private let store: IdentityStore

    /// The certificates and the key for a new connection.
    var object: OpenSSLObject { store.current }

    /// Reads a certificate and a private key from PEM files.
    ///
    /// - Parameters:
    ///   - certificateFile: The path of the file with the certificate, followed by the certificates
    ///     of its issuers.
    ///   - keyFile: The path of the file with the private key.
    ///   - password: The password of the private key, or `nil` if the key is not encrypted.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if a file cannot be read.
    ///   - ``SocketError/Cause/tls(_:)`` with ``TLSFailure/unreadable(_:reason:)``,
    ///     ``TLSFailure/wrongPassword(isMissing:)``, ``TLSFailure/keyMismatch`` or
    ///     ``TLSFailure/unavailable(_:)``.
    public init(
        certificateFile: String, keyFile: String, password: String? = nil
    ) throws(SocketError) {
        let files = IdentityStore.Files(
            certificate: certificateFile, key: keyFile, password: password)
        store = try IdentityStore(files, watch: nil)
    }

    /// Reads a certificate and a private key from PEM files, and reads them again when the files
    /// change.
    ///
    /// ```swift
    /// let identity = try TLSIdentity.watching(
    ///     certificateFile: "/etc/ssl/example.pem", keyFile: "/etc/ssl/example.key")
    /// ```
    ///
    /// The identity examines the files when a connection begins, at most once a second, so it needs
    /// no thread. It notices a replaced file, a changed file and a changed symbolic link. If the
    /// new files cannot be used, for example because only one of them has been replaced so far,
    /// connections still use the previous certificate, and the identity logs the error.
    ///
    /// - Parameters:
    ///   - certificateFile: The path of the file with the certificate, followed by the certificates
    ///     of its issuers.
    ///   - keyFile: The path of the file with the private key.
    ///   - password: The password of the private key, or `nil` if the key is not encrypted.
    ///   - logger: Receives an `info` message for each reload and an `error` message for each
    ///     failure.
    /// - Returns: The identity.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if a file cannot be read.
    ///   - ``SocketError/Cause/tls(_:)`` with ``TLSFailure/unreadable(_:reason:)``,
    ///     ``TLSFailure/wrongPassword(isMissing:)``, ``TLSFailure/keyMismatch`` or
    ///     ``TLSFailure/unavailable(_:)``.
    public static func watching(
        certificateFile: String, keyFile: String, password: String? = nil,
        logger: Logger = Logger(label: "sockets.tls")
    ) throws(SocketError) -> TLSIdentity {
        let files = IdentityStore.Files(
            certificate: certificateFile, key: keyFile, password: password)
        return try watching(files, .init(interval: 1_000_000_000, logger: logger))
    }

    static func watching(
        _ files: IdentityStore.Files, _ watch: IdentityStore.Watch
    ) throws(SocketError) -> TLSIdentity {
        TLSIdentity(try IdentityStore(files, watch: watch))
    }

    /// Reads the files of the identity again.
    ///
    /// All copies of the identity use the new certificate for their next connections, even in a
    /// listener that is already serving. If the call throws, they still use the previous
    /// certificate.
    ///
    /// ```swift
    /// try identity.reload()
    /// ```
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if a file cannot be read.
    ///   - ``SocketError/Cause/tls(_:)`` with ``TLSFailure/unreadable(_:reason:)``,
    ///     ``TLSFailure/wrongPassword(isMissing:)`` or ``TLSFailure/keyMismatch`` if the contents
    ///     of the files cannot be used.
    ///   - ``SocketError/Cause/tls(_:)`` with ``TLSFailure/invalidConfiguration(_:)`` if OpenSSL
    ///     refuses the certificate, for example because its key is too short.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the identity was not read from files.
    public func reload() throws(SocketError) { try store.reload() }

    /// Reads a certificate and a private key from PEM text.
    ///
    /// - Parameters:
    ///   - certificate: The certificate, followed by the certificates of its issuers.
    ///   - key: The private key.
    ///   - password: The password of the private key, or `nil` if the key is not encrypted.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/tls(_:)``, which contains
    ///   ``TLSFailure/unreadable(_:reason:)``, ``TLSFailure/wrongPassword(isMissing:)``,
    ///   ``TLSFailure/keyMismatch`` or ``TLSFailure/unavailable(_:)``.
    public init(
        certificate: [UInt8], key: [UInt8], password: String? = nil
    ) throws(SocketError) {
        self.init(try IdentityStore.object(certificate, key, password, "from memory"))
    }

    /// Reads a certificate and a private key from a PKCS#12 archive.
    ///
    /// - Parameters:
    ///   - pkcs12: The bytes of the archive.
    ///   - password: The password of the archive, or `nil` for an empty one.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/tls(_:)``, which contains
    ///   ``TLSFailure/unreadable(_:reason:)``, ``TLSFailure/wrongPassword(isMissing:)`` or
    ///   ``TLSFailure/unavailable(_:)``.
    public init(pkcs12: [UInt8], password: String? = nil) throws(SocketError) {
        self.init(
            try OpenSSLObject("from a PKCS#12 archive", ctls_identity_destroy) { error in
                ctls_identity_from_pkcs12(pkcs12, pkcs12.count, password, &error)
            })
    }

    private init(_ store: IdentityStore) { self.store = store }

    private init(_ object: OpenSSLObject) { self.init(IdentityStore(object)) }

    /// Creates a key and a self-signed certificate, which is valid for 30 days.
    ///
    /// A peer trusts the certificate only if the peer's configuration says so, for example with
    /// ``TLSTrust/init(certificateOf:)``.
    ///
    /// - Parameter host: The name or the address of the host.
    /// - Returns: The identity.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `host` is empty or longer than 64 bytes.
    ///   - ``SocketError/Cause/tls(_:)`` with ``TLSFailure/unavailable(_:)``.
    public static func selfSigned(for host: String) throws(SocketError) -> TLSIdentity {
        try selfSigned(for: host, validFrom: -3600, validUntil: 30 * 24 * 3600)
    }

    /// Creates a self-signed certificate that is valid between two offsets from now, in seconds.
    static func selfSigned(
        for host: String, validFrom: Int, validUntil: Int
    ) throws(SocketError) -> TLSIdentity {
        guard (1...64).contains(host.utf8.count) else {
            throw SocketError(
                .loadCertificate,
                .invalidInput("a host's name in a certificate must have 1 to 64 bytes"),
                subject: "for \(TerminalText.quoted(host))")
        }
        let subject = "for \(TerminalText.quoted(host))"
        return TLSIdentity(
            try OpenSSLObject(subject, ctls_identity_destroy) { error in
                ctls_identity_self_signed(host, validFrom, validUntil, &error)
            })
    }

    /// A text without secrets.
    public var description: String { "TLSIdentity" }

    /// A mirror without secrets.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A file of certificates or keys.
enum TLSFile {
    static func contents(of path: String) throws(SocketError) -> [UInt8] {
        do throws(Errno) {
            return try System.contents(ofFile: path)
        } catch {
            throw SocketError(.loadCertificate, .system(error), subject: path)
        }
    }
}
