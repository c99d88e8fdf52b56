internal import CTLS
internal import Logging

/// The state that all connections of one configuration share: the certificates, the key, and the
/// tickets for resumption.
final class OpenSSLContext: @unchecked Sendable {
    // Safe because only `tickets` changes after `init`, and a lock protects it. OpenSSL locks the
    // contents of its contexts itself.
    let pointer: OpaquePointer
    let pins: [TLSPin]
    let choosesIdentity: Bool
    private let identity: TLSIdentity?
    /// The contents of the identity that the context was created with.
    private let firstIdentity: OpenSSLObject?
    private let keyLogFile: String?
    let tickets = Lock(TicketCache<OpaquePointer>(limit: OpenSSLContext.ticketLimit))

    /// The number of servers whose tickets are kept.
    static let ticketLimit = 256

    /// Loads OpenSSL if it is not loaded.
    static func load() throws(TLSFailure) {
        if let reason = ctls_load() { throw .unavailable(String(cString: reason)) }
    }

    init(_ configuration: TLSConfiguration) throws(TLSFailure) {
        try Self.load()
        let isServer = configuration.role == .server
        var error = ctls_error()
        guard let pointer = ctls_context_create(isServer ? 1 : 0, &error) else {
            throw TLSFailure(error)
        }
        self.pointer = pointer
        pins = configuration.pins
        choosesIdentity = configuration.identityChooser != nil
        identity = configuration.identity
        firstIdentity = identity?.object
        keyLogFile = configuration.keyLogFile
        try setUp(configuration, isServer: isServer)
    }

    /// A Boolean value that indicates whether the configuration has an identity.
    var hasIdentity: Bool { identity != nil }

    /// The contents of the identity if it was reloaded after the context was created, or `nil`
    /// otherwise.
    ///
    /// Each new connection uses these contents. A reload does not replace the context, because a
    /// new context would have new ticket keys, so clients could not resume their sessions.
    var reloadedIdentity: OpenSSLObject? {
        guard let identity, case let object = identity.object, object !== firstIdentity else {
            return nil
        }
        return object
    }

    deinit {
        tickets.withLock { for ticket in $0.all { ctls_ticket_destroy(ticket) } }
        ctls_context_destroy(pointer)
    }

    private func setUp(_ configuration: TLSConfiguration, isServer: Bool) throws(TLSFailure) {
        if isServer {
            switch configuration.clientCertificates {
            case .ignored: ctls_context_verify(pointer, ctls_verify_none, 0)
            case .optional(let trust):
                try verify(ctls_verify_peer, trust, isServer: true)
            case .required(let trust):
                try verify(ctls_require_peer, trust, isServer: true)
            }
        } else {
            try verify(
                ctls_verify_peer, configuration.trust, isServer: false,
                isPinned: !pins.isEmpty)
            if configuration.notesFaults { ctls_context_note_faults(pointer) }
        }
        var error = ctls_error()
        if let firstIdentity, ctls_context_identity(pointer, firstIdentity.pointer, &error) != 1 {
            throw TLSFailure.unusableCertificate(error)
        }
        try setVersions(configuration)
        try setProtocols(configuration.applicationProtocols)
        try setPins()
        setCallbacks(
            keepsTickets: !isServer && configuration.resumesSessions)
    }

    private func verify(
        _ mode: ctls_verification, _ trust: TLSTrust, isServer: Bool, isPinned: Bool = false
    ) throws(TLSFailure) {
        var error = ctls_error()
        switch trust.kind {
        case .anything:
            ctls_context_verify(pointer, mode, 1)
            if !isPinned {
                Logger(label: "sockets.tls").warning(
                    "INSECURE: TLS verifies no certificate (insecurelyTrustAnything), so an attacker can read and change everything"
                )
            }
            return
        case .system:
            guard ctls_context_trust_system(pointer, &error) == 1 else { throw TLSFailure(error) }
        case .certificates(let object):
            let result = ctls_context_trust(pointer, object.pointer, isServer ? 1 : 0, &error)
            guard result == 1 else { throw TLSFailure(error) }
        }
        ctls_context_verify(pointer, mode, 0)
    }

    private func setVersions(_ configuration: TLSConfiguration) throws(TLSFailure) {
        let (lowest, highest) = (configuration.minimumVersion, configuration.maximumVersion)
        var error = ctls_error()
        guard lowest <= highest,
            ctls_context_versions(pointer, lowest.number, highest.number, &error) == 1
        else {
            throw .invalidConfiguration("no version is at least \(lowest) and at most \(highest)")
        }
        let ciphers = configuration.ciphers
        guard ctls_context_ciphers(pointer, ciphers.tls12, ciphers.tls13, &error) == 1 else {
            throw .invalidConfiguration(
                "the ciphers cannot be used: \(CText.string(error.text))")
        }
    }

    private func setProtocols(_ protocols: [String]) throws(TLSFailure) {
        guard !protocols.isEmpty else { return }
        var names: [UInt8] = []
        for name in protocols {
            guard (1...255).contains(name.utf8.count) else {
                throw .invalidConfiguration(
                    "the name of an application protocol must have 1 to 255 bytes")
            }
            names.append(UInt8(name.utf8.count))
            names += name.utf8
        }
        guard names.count < 65536,
            ctls_context_protocols(pointer, names, UInt32(names.count)) == 1
        else {
            throw .invalidConfiguration("there are too many application protocols")
        }
    }

    private func setPins() throws(TLSFailure) {
        guard !pins.isEmpty else { return }
        let copies = pins.map { pin in
            var copy = ctls_pin()
            copy.is_key = pin.subject == .publicKey ? 1 : 0
            withUnsafeMutableBytes(of: &copy.digest) { $0.copyBytes(from: pin.digest) }
            return copy
        }
        guard ctls_context_pins(pointer, copies, copies.count) == 1 else {
            throw .invalidConfiguration("out of memory")
        }
    }

    private func setCallbacks(keepsTickets: Bool) {
        var callbacks = ctls_callbacks()
        if keepsTickets {
            callbacks.ticket = { owner, ticket in
                guard let owner, let ticket else { return }
                // Safe because the engine keeps its ticket store as long as its session.
                Unmanaged<TicketStore>.fromOpaque(owner).takeUnretainedValue().keep(ticket)
            }
        }
        if choosesIdentity {
            callbacks.hello = { owner, name, nameSize, protocols, protocolsSize in
                guard let owner else { return }
                // Safe because the engine keeps the object as long as its session.
                Unmanaged<ReceivedHello>.fromOpaque(owner).takeUnretainedValue().hello =
                    TLSClientHello(
                        serverName: Array(UnsafeBufferPointer(start: name, count: nameSize)),
                        protocols: Array(
                            UnsafeBufferPointer(start: protocols, count: protocolsSize)))
            }
        }
        if keyLogFile != nil {
            callbacks.secret = { owner, line in
                guard let owner, let line else { return }
                // Safe because the engine of a session retains this object as long as the session
                // exists.
                let context = Unmanaged<OpenSSLContext>.fromOpaque(owner).takeUnretainedValue()
                context.logKey(String(cString: line))
            }
        }
        ctls_context_callbacks(pointer, Unmanaged.passUnretained(self).toOpaque(), callbacks)
    }

    private func logKey(_ line: String) {
        // The connection works without the log, so an error is ignored.
        if let keyLogFile { try? System.append(line + "\n", toFile: keyLogFile) }
    }

    /// Stores a ticket for later connections to the same server.
    fileprivate func keep(_ ticket: OpaquePointer, for server: String) {
        let old = tickets.withLock { $0.store(ticket, for: server) }
        if let old { ctls_ticket_destroy(old) }
    }

    /// Resumes the last session with a server, if the cache contains its ticket.
    ///
    /// A TLS 1.3 ticket is used only once (RFC 8446, appendix C.4), because the server sends new
    /// tickets on each connection.
    func resume(_ session: OpaquePointer, with server: String) {
        tickets.withLock { tickets in
            guard let ticket = tickets.ticket(for: server) else { return }
            let isUsable = ctls_ticket_is_usable(ticket) != 0
            if isUsable { ctls_session_resume(session, ticket) }
            guard !isUsable || ctls_ticket_version(ticket) >= TLSVersion.tls13.number else {
                return
            }
            tickets.remove(server)
            ctls_ticket_destroy(ticket)
        }
    }
}

/// The object in which OpenSSL's callback stores the ClientHello of one connection.
final class ReceivedHello {
    fileprivate(set) var hello = TLSClientHello()
}

/// The object through which OpenSSL's callback stores the tickets of one connection.
final class TicketStore {
    private let context: OpenSSLContext
    private let server: String

    init(_ context: OpenSSLContext, _ server: String) {
        self.context = context
        self.server = server
    }

    fileprivate func keep(_ ticket: OpaquePointer) { context.keep(ticket, for: server) }
}

extension TLSVersion {
    /// The number that identifies the version in the messages of the protocol.
    var number: Int32 {
        switch self {
        case .tls12: 0x303
        case .tls13: 0x304
        }
    }
}
