/// The TLS settings of a connection: the trusted issuers, the connection's own identity, and the
/// versions, ciphers and application protocols that may be negotiated.
///
/// ```swift
/// let connection = try await Connection(to: .tcp("example.com", port: 443), tls: .client())
/// try await Listener(on: .tcp(port: 8443), tls: .server(identity)).serve { try await $0.echo() }
/// ```
///
/// Create a configuration once and reuse it, because the value and its copies share OpenSSL's
/// objects and the sessions that can be resumed. If you change a property of a copy, other than
/// ``serverName``, the copy no longer shares them.
///
/// Connections never use compression, renegotiation, or versions before TLS 1.2.
public struct TLSConfiguration: Sendable {
    /// The role of a connection in the handshake.
    enum Role: Sendable {
        case client, server
    }

    /// The certificates that a server requests from its clients.
    public enum ClientCertificates: Sendable {
        /// The server requests no certificate.
        case ignored
        /// The server requests a certificate, and verifies it if the client sends one.
        case optional(trusting: TLSTrust)
        /// The server refuses a client without a valid certificate.
        case required(trusting: TLSTrust)
    }

    /// The ciphers, in OpenSSL's spelling: a list for TLS 1.2 and a list for TLS 1.3.
    ///
    /// `nil` means the system's default.
    public struct Ciphers: Hashable, Sendable {
        /// The ciphers of TLS 1.2, such as "ECDHE+AESGCM".
        public var tls12: String?
        /// The ciphers of TLS 1.3, such as "TLS_AES_256_GCM_SHA384".
        public var tls13: String?

        /// Creates lists of ciphers.
        public init(tls12: String? = nil, tls13: String? = nil) {
            self.tls12 = tls12
            self.tls13 = tls13
        }
    }

    let role: Role

    /// The issuers that a client trusts; a server uses ``clientCertificates`` instead.
    public var trust: TLSTrust { didSet { cache = Cache() } }

    /// The connection's own certificate and key.
    ///
    /// The value is `nil` for a client without a certificate, and for a server that chooses its
    /// identity for each client.
    public var identity: TLSIdentity? { didSet { cache = Cache() } }

    /// The certificates that a server requests from its clients.
    public var clientCertificates: ClientCertificates { didSet { cache = Cache() } }

    /// The name or the address of the server.
    ///
    /// A client verifies that the certificate is for this name or address, and sends a name to the
    /// server (SNI). If the property is `nil`, a client uses the host of the endpoint or the
    /// address to which it connects.
    public var serverName: String?

    /// The accepted digests of the server's certificate or of its public key; empty, the default,
    /// if any digest is accepted.
    ///
    /// A client first verifies the certificate as ``trust`` says, and then compares the digests.
    /// With ``TLSTrust/insecurelyTrustAnything``, it checks only the digests. This is safe, for
    /// example, for a self-signed certificate.
    public var pins: [TLSPin] = [] { didSet { cache = Cache() } }

    /// The application protocols in order of preference (ALPN).
    public var applicationProtocols: [String] { didSet { cache = Cache() } }

    /// The lowest TLS version that may be negotiated.
    public var minimumVersion = TLSVersion.tls12 { didSet { cache = Cache() } }

    /// The highest TLS version that may be negotiated.
    public var maximumVersion = TLSVersion.tls13 { didSet { cache = Cache() } }

    /// The ciphers that may be negotiated.
    public var ciphers = Ciphers() { didSet { cache = Cache() } }

    /// A Boolean value that indicates whether a client resumes earlier sessions with a server.
    ///
    /// A resumed handshake is cheaper, because the server does not send its certificate again.
    public var resumesSessions = true { didSet { cache = Cache() } }

    /// The file to which each connection appends its secrets, so that a program such as Wireshark
    /// can decrypt the connection.
    ///
    /// If the property is `nil`, the default, no secrets are written.
    ///
    /// The environment variable `SSLKEYLOGFILE` has no effect.
    public var keyLogFile: String? { didSet { cache = Cache() } }

    /// Creates the file for ``keyLogFile`` if it does not exist, and throws if it cannot be
    /// written.
    package static func createKeyLogFile(_ path: String) throws(Errno) {
        try System.append("", toFile: path)
    }

    /// A Boolean value that indicates whether a client continues despite faults of the server's
    /// certificates, so that ``TLSInformation/faults`` contains all of them.
    package var notesFaults = false { didSet { cache = Cache() } }

    let identityChooser: TLSIdentityChooser?
    private var cache = Cache()

    private init(
        _ role: Role, _ trust: TLSTrust, _ identity: TLSIdentity?, _ clients: ClientCertificates,
        _ serverName: String?, _ applicationProtocols: [String],
        _ identityChooser: TLSIdentityChooser? = nil
    ) {
        self.role = role
        self.trust = trust
        self.identity = identity
        clientCertificates = clients
        self.serverName = serverName
        self.applicationProtocols = applicationProtocols
        self.identityChooser = identityChooser
    }

    private static let usualClient = TLSConfiguration(.client, .system, nil, .ignored, nil, [])

    /// Returns the configuration of a client.
    ///
    /// The client verifies the chain, the name, the validity and the purpose of the server's
    /// certificate. All calls without arguments return the same configuration, so that connections
    /// can resume each other's sessions.
    ///
    /// - Parameters:
    ///   - serverName: The name or the address of the server, or `nil` for the endpoint's host.
    ///   - trust: The issuers that the client trusts.
    ///   - identity: The client's own certificate and key, for servers that require one.
    ///   - applicationProtocols: The application protocols in order of preference, such as "h2".
    ///   - pins: The accepted digests of the certificate or of its public key; see ``pins``.
    /// - Returns: The configuration.
    public static func client(
        serverName: String? = nil, trust: TLSTrust = .system, identity: TLSIdentity? = nil,
        applicationProtocols: [String] = [], pins: [TLSPin] = []
    ) -> TLSConfiguration {
        var configuration = usualClient
        if case .system = trust.kind, identity == nil, applicationProtocols.isEmpty, pins.isEmpty {
            configuration.serverName = serverName
            return configuration
        }
        configuration = TLSConfiguration(
            .client, trust, identity, .ignored, serverName, applicationProtocols)
        configuration.pins = pins
        return configuration
    }

    /// Returns the configuration of a server.
    ///
    /// - Parameters:
    ///   - identity: The server's certificate and key.
    ///   - clients: The certificates that the server requests from its clients.
    ///   - applicationProtocols: The application protocols in order of preference, such as "h2".
    ///     The server refuses a client that offers only other protocols.
    /// - Returns: The configuration.
    public static func server(
        _ identity: TLSIdentity, clients: ClientCertificates = .ignored,
        applicationProtocols: [String] = []
    ) -> TLSConfiguration {
        TLSConfiguration(.server, .system, identity, clients, nil, applicationProtocols)
    }

    /// Returns the configuration of a server that chooses its identity for each client.
    ///
    /// ```swift
    /// tls: .server { hello in hello.serverName == "a.example" ? a : b }
    /// ```
    ///
    /// The server refuses a client if the closure returns `nil` or throws. The error is then
    /// ``TLSFailure/noIdentity(serverName:reason:)``.
    ///
    /// - Parameters:
    ///   - clients: The certificates that the server requests from its clients.
    ///   - applicationProtocols: The application protocols in order of preference.
    ///   - identity: Returns the identity for a client, or `nil` to refuse the client. The closure
    ///     must not block.
    /// - Returns: The configuration.
    public static func server(
        clients: ClientCertificates = .ignored, applicationProtocols: [String] = [],
        identity: @escaping @Sendable (TLSClientHello) throws -> TLSIdentity?
    ) -> TLSConfiguration {
        TLSConfiguration(
            .server, .system, nil, clients, nil, applicationProtocols, .synchronous(identity))
    }

    /// Returns the configuration of a server that chooses its identity for each client
    /// asynchronously, for example from a store.
    ///
    /// ```swift
    /// tls: .server { hello in try await store.identity(for: hello.serverName) }
    /// ```
    ///
    /// While the closure runs, its client waits, but other clients do not. The time limit of the
    /// handshake includes the closure, whose task is cancelled at the limit. The server refuses a
    /// client if the closure returns `nil` or throws. The error is then
    /// ``TLSFailure/noIdentity(serverName:reason:)``. Only a ``Connection`` can wait for the
    /// closure. A blocking ``Socket`` reports ``TLSFailure/invalidConfiguration(_:)``.
    ///
    /// - Parameters:
    ///   - clients: The certificates that the server requests from its clients.
    ///   - applicationProtocols: The application protocols in order of preference.
    ///   - identity: Returns the identity for a client, or `nil` to refuse the client.
    /// - Returns: The configuration.
    public static func server(
        clients: ClientCertificates = .ignored, applicationProtocols: [String] = [],
        identity: @escaping @Sendable (TLSClientHello) async throws -> TLSIdentity?
    ) -> TLSConfiguration {
        TLSConfiguration(
            .server, .system, nil, clients, nil, applicationProtocols, .asynchronous(identity))
    }

    /// A cache for the OpenSSL objects that a configuration and its copies create once.
    private final class Cache: Sendable {
        let context = Lock<OpenSSLContext?>(nil)
    }

    /// Returns OpenSSL's objects for this configuration.
    func context() throws(TLSFailure) -> OpenSSLContext {
        try cache.context.withLock { context throws(TLSFailure) in
            if let context { return context }
            let created = try OpenSSLContext(self)
            context = created
            return created
        }
    }

    /// A Boolean value that indicates whether a client verifies the server's name.
    var verifiesName: Bool {
        if case .anything = trust.kind { false } else { true }
    }

    /// Returns a host's name or address in the form that certificates contain: ASCII, without a
    /// final dot, and without a zone.
    private static func certifiedName(of host: String) throws(TLSFailure) -> String {
        if IPAddress(host) != nil { return String(host.prefix { $0 != "%" }) }
        do throws(SocketError) {
            let name = try HostName.ascii(host)
            return name.hasSuffix(".") ? String(name.dropLast()) : name
        } catch {
            throw .invalidConfiguration(
                "\(TerminalText.quoted(host)) is not the name of a server: \(error.cause)")
        }
    }

    /// Returns the engine of one connection.
    ///
    /// - Parameters:
    ///   - host: The name or the address to which a client connects, unless ``serverName`` is set.
    ///   - port: The peer's port, which is part of the key under which a client stores sessions.
    /// - Returns: The engine.
    /// - Throws: The failure if the configuration cannot be used.
    func engine(host: String?, port: Port?) throws(TLSFailure) -> any TLSEngine {
        let context = try context()
        guard role == .client else { return try OpenSSLEngine(server: context) }
        let host = serverName ?? host
        guard host != nil || !verifiesName else {
            throw .invalidConfiguration(
                "the name of the server is not known: expected a serverName in the configuration")
        }
        let name = try host.map { host throws(TLSFailure) in try Self.certifiedName(of: host) }
        return try OpenSSLEngine(
            client: context, name: name, checksName: verifiesName,
            tickets: "\(name ?? "") \(port ?? 0)")
    }
}
