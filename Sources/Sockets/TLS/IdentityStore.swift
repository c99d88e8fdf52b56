internal import CTLS
internal import Logging
internal import SystemPackage

/// The certificate and the key of an identity, which all copies of the identity share.
///
/// They can be read again if they came from files.
final class IdentityStore: Sendable {
    /// The files of an identity.
    struct Files: Sendable {
        var certificate: String
        var key: String
        var password: String?

        /// Reads the files.
        func read() throws(SocketError) -> OpenSSLObject {
            let certificates = try TLSFile.contents(of: certificate)
            let keys = try TLSFile.contents(of: key)
            return try IdentityStore.object(certificates, keys, password, certificate)
        }

        /// The versions of the two files; an element is `nil` if its file cannot be examined.
        var versions: [FileVersion?] {
            [certificate, key].map { try? System.fstatat(Array($0.utf8)) }
        }
    }

    /// The settings with which a store checks its files for changes.
    struct Watch: Sendable {
        /// The shortest time between two checks of the files, in nanoseconds.
        var interval: Int64
        var logger: Logger
    }

    private struct State {
        var object: OpenSSLObject
        /// The versions of the files when they were last read.
        var versions: [FileVersion?]
        /// The time of the next check of the files, in nanoseconds of the continuous clock.
        var nextLook: Int64 = 0
    }

    private let files: Files?
    private let watch: Watch?
    private let state: Lock<State>
    /// Serializes the reading of the files, so that an old version never replaces a newer one.
    private let reading = Lock(0)

    /// Creates the store of an identity from memory.
    init(_ object: OpenSSLObject) {
        files = nil
        watch = nil
        state = Lock(State(object: object, versions: []))
    }

    /// Creates the store of an identity from files.
    ///
    /// - Parameters:
    ///   - files: The files.
    ///   - watch: The settings with which a store checks its files for changes, or `nil` if only
    ///     `reload` reads them again.
    /// - Throws: The error if a file cannot be read or used.
    init(_ files: Files, watch: Watch?) throws(SocketError) {
        self.files = files
        self.watch = watch
        // Take the versions first, so that the next check notices a change during the reading.
        let versions = watch == nil ? [] : files.versions
        state = Lock(State(object: try files.read(), versions: versions))
    }

    /// Creates a certificate and its key from PEM text.
    static func object(
        _ certificate: [UInt8], _ key: [UInt8], _ password: String?, _ source: String
    ) throws(SocketError) -> OpenSSLObject {
        try OpenSSLObject(source, ctls_identity_destroy) { error in
            ctls_identity_create(
                certificate, certificate.count, key, key.count, password, &error)
        }
    }

    /// The certificate and the key for a new connection.
    ///
    /// If the files are watched, the property first checks them for changes.
    var current: OpenSSLObject {
        if let watch { reloadIfChanged(watch) }
        return state.withLock { $0.object }
    }

    /// Reads the files again, and keeps the previous certificate if they cannot be used.
    func reload() throws(SocketError) {
        guard let files else {
            throw SocketError(
                .loadCertificate, .invalidInput("only an identity from files can be reloaded"))
        }
        try reading.withLock { _ throws(SocketError) in
            if watch != nil {
                let versions = files.versions
                state.withLock { $0.versions = versions }
            }
            let object = try files.read()
            var error = ctls_error()
            guard ctls_identity_check(object.pointer, &error) == 1 else {
                throw SocketError(
                    .loadCertificate, .tls(.unusableCertificate(error)), subject: files.certificate)
            }
            state.withLock { $0.object = object }
        }
    }

    /// Reads the files if they have changed, unless they were checked within the last interval.
    private func reloadIfChanged(_ watch: Watch) {
        let now = System.continuousNanoseconds()
        let isDue = state.withLock { state in
            guard now >= state.nextLook else { return false }
            state.nextLook = now + watch.interval
            return true
        }
        guard isDue, let files, files.versions != state.withLock({ $0.versions }) else { return }
        do throws(SocketError) {
            try reload()
            watch.logger.info(
                "reloaded a certificate", metadata: ["file": "\(files.certificate)"])
        } catch {
            watch.logger.error(
                "cannot reload a certificate; connections still use the previous one",
                metadata: ["error": "\(error)"])
        }
    }
}
