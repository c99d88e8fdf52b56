internal import CTLS

/// An identity or a list of certificates in OpenSSL's memory.
final class OpenSSLObject: @unchecked Sendable {
    // Safe because nothing changes the object after `init`, and OpenSSL counts references
    // atomically.
    let pointer: OpaquePointer
    private let destroy: (OpaquePointer?) -> Void

    /// Creates an object.
    ///
    /// - Parameters:
    ///   - source: The source of the contents, which an error names.
    ///   - destroy: Destroys the object.
    ///   - create: Creates the object, or returns `nil` and an error.
    /// - Throws: The error, with the cause ``SocketError/Cause/tls(_:)``.
    init(
        _ source: String, _ destroy: @escaping (OpaquePointer?) -> Void,
        _ create: (inout ctls_error) -> OpaquePointer?
    ) throws(SocketError) {
        self.destroy = destroy
        do throws(TLSFailure) {
            try OpenSSLContext.load()
            var error = ctls_error()
            guard let pointer = create(&error) else { throw TLSFailure(error) }
            self.pointer = pointer
        } catch {
            throw SocketError(.loadCertificate, .tls(error), subject: source)
        }
    }

    deinit { destroy(pointer) }
}
