internal import CTLS

/// A TLS engine for one connection, implemented with OpenSSL.
final class OpenSSLEngine: TLSEngine {
    private let session: OpaquePointer
    /// The context, which must live as long as the session that uses it.
    private let context: OpenSSLContext
    private let store: TicketStore?
    private let receivedHello: ReceivedHello?
    /// The reason why the server has refused the client, or `nil`.
    private var refusal: TLSFailure?
    /// The name that a client verifies, or `nil` on a server.
    private let expectedName: String?

    /// Creates the engine of a server.
    init(server context: OpenSSLContext) throws(TLSFailure) {
        self.context = context
        store = nil
        receivedHello = context.choosesIdentity ? ReceivedHello() : nil
        expectedName = nil
        session = try Self.createSession(context, nil, checksName: false, receivedHello)
    }

    /// Creates the engine of a client.
    ///
    /// - Parameters:
    ///   - context: The context.
    ///   - name: The name or the address of the server.
    ///   - checksName: Whether the certificate must be for this name.
    ///   - server: The key under which the context stores the server's tickets.
    /// - Throws: The failure if the name or the identity cannot be used, or if memory runs out.
    init(
        client context: OpenSSLContext, name: String?, checksName: Bool, tickets server: String
    ) throws(TLSFailure) {
        self.context = context
        let store = TicketStore(context, server)
        self.store = store
        receivedHello = nil
        expectedName = name ?? ""
        session = try Self.createSession(context, name, checksName: checksName, store)
        context.resume(session, with: server)
    }

    deinit { ctls_session_destroy(session) }

    private static func createSession(
        _ context: OpenSSLContext, _ name: String?, checksName: Bool, _ owner: AnyObject?
    ) throws(TLSFailure) -> OpaquePointer {
        var error = ctls_error()
        let isAddress = name.map { IPAddress($0) != nil } ?? false
        let session = ctls_session_create(
            context.pointer, name, isAddress ? 1 : 0, checksName ? 1 : 0,
            owner.map { Unmanaged.passUnretained($0).toOpaque() }, &error)
        guard let session else { throw TLSFailure(error) }
        guard let identity = context.reloadedIdentity,
            let failure = use(identity, in: session)
        else { return session }
        ctls_session_destroy(session)
        throw failure
    }

    /// Makes a session use an identity, and returns the failure, or `nil` for success.
    private static func use(
        _ identity: OpenSSLObject, in session: OpaquePointer
    ) -> TLSFailure? {
        var error = ctls_error()
        // Another thread may reload the identity, and then nothing else retains the object.
        let isUsed = withExtendedLifetime(identity) {
            ctls_session_identity(session, identity.pointer, &error) == 1
        }
        return isUsed ? nil : .unusableCertificate(error)
    }

    @inline(__always)
    private func call(
        _ pipe: inout TLSPipe, _ body: (OpaquePointer, UnsafeMutablePointer<ctls_pipe>) -> Int
    ) -> TLSStep {
        var inner = ctls_pipe(
            input: pipe.input.baseAddress?.assumingMemoryBound(to: UInt8.self),
            input_count: pipe.input.count,
            output: pipe.output.baseAddress?.assumingMemoryBound(to: UInt8.self),
            output_room: pipe.output.count, output_count: pipe.written)
        let result = body(session, &inner)
        pipe.input = UnsafeRawBufferPointer(start: inner.input, count: inner.input_count)
        pipe.written = inner.output_count
        if _slowPath(ctls_overflow(session) > 0) { takeOverflow(&pipe) }
        switch result {
        case 1...: return .moved(result)
        case Int(ctls_ended.rawValue): return .ended
        case Int(ctls_needs_input.rawValue): return .needsInput
        case Int(ctls_needs_identity.rawValue): return .wantsIdentity
        default: return .failed(failure)
        }
    }

    private var failure: TLSFailure {
        if let refusal { return refusal }
        guard let error = ctls_session_error(session) else {
            return .protocolViolation("unknown error")
        }
        let isClient = expectedName != nil
        return TLSFailure(
            error.pointee, expectedName: expectedName, isClient: isClient,
            hasClientIdentity: isClient && context.hasIdentity, pins: context.pins)
    }

    @inline(never)
    private func takeOverflow(_ pipe: inout TLSPipe) {
        let count = ctls_overflow(session)
        pipe.overflow += [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
            ctls_take_overflow(session, bytes.baseAddress)
            initialized = count
        }
    }

    func handshake(_ pipe: inout TLSPipe) -> TLSStep {
        call(&pipe) { Int(ctls_handshake($0, $1)) }
    }

    var clientHello: TLSClientHello { receivedHello?.hello ?? TLSClientHello() }

    func use(_ choice: TLSIdentityChoice) {
        switch choice {
        case .success(let identity): refusal = Self.use(identity.object, in: session)
        case .failure(let failure): refusal = failure
        }
        if refusal == nil { return }
        let isUnknown = if case .noIdentity(_, nil) = refusal { true } else { false }
        let alert = isUnknown ? TLSAlert.unrecognizedName : .internalError
        ctls_session_refuse(session, Int32(alert.rawValue))
    }

    func read(_ pipe: inout TLSPipe, into buffer: UnsafeMutableRawBufferPointer) -> TLSStep {
        call(&pipe) { ctls_read($0, $1, buffer.baseAddress, buffer.count) }
    }

    func peek(_ pipe: inout TLSPipe, into buffer: UnsafeMutableRawBufferPointer) -> TLSStep {
        call(&pipe) { ctls_peek($0, $1, buffer.baseAddress, buffer.count) }
    }

    func write(_ pipe: inout TLSPipe, _ bytes: UnsafeRawBufferPointer) -> TLSStep {
        call(&pipe) { ctls_write($0, $1, bytes.baseAddress, bytes.count) }
    }

    func end(_ pipe: inout TLSPipe) -> TLSStep {
        call(&pipe) { Int(ctls_end($0, $1)) }
    }

    func updateKeys() { _ = ctls_session_update_keys(session) }

    var hasPending: Bool { ctls_has_pending(session) != 0 }

    var version: TLSVersion {
        ctls_session_version(session) == TLSVersion.tls13.number ? .tls13 : .tls12
    }

    var information: TLSInformation {
        var size: UInt32 = 0
        let name = ctls_session_protocol(session, &size)
        let chosen = UnsafeBufferPointer(start: name, count: Int(size))
        return TLSInformation(
            version: version,
            cipher: String(cString: ctls_session_cipher(session)),
            applicationProtocol: size > 0 ? String(decoding: chosen, as: UTF8.self) : nil,
            serverName: ctls_session_server_name(session).map { String(cString: $0) },
            isResumed: ctls_session_is_resumed(session) != 0,
            peerCertificates: peerCertificates, faults: faults)
    }

    private var faults: [TLSFailure] {
        var faults: [TLSFailure] = []
        while let fault = ctls_session_fault(session, Int32(faults.count)) {
            faults.append(
                TLSFailure(fault.pointee, expectedName: expectedName, isClient: expectedName != nil)
            )
        }
        return faults
    }

    private var peerCertificates: [TLSCertificate] {
        var certificates: [TLSCertificate] = []
        while true {
            let index = Int32(certificates.count)
            let size = ctls_session_peer(session, index, nil)
            let bytes = [UInt8](unsafeUninitializedCapacity: max(0, size)) { room, initialized in
                initialized = size > 0 ? ctls_session_peer(session, index, room.baseAddress) : 0
            }
            guard size > 0, let certificate = TLSCertificate(bytes) else { return certificates }
            certificates.append(certificate)
        }
    }
}
