import Sockets

/// The values of the TLS flags.
///
/// The files are not read here, so that a wrong command line is reported before a missing file.
struct TLSFlags: Equatable, Sendable {
    /// The file of the trusted issuers; nil for the system's issuers.
    var caFile: String?
    var certificateFile: String?
    /// The file of the private key; nil if the certificate file contains the key.
    var keyFile: String?
    /// A Boolean value that indicates whether the client accepts any certificate.
    var isInsecure = false
    /// The server name to request (SNI) and to verify; nil for the host of the endpoint.
    var serverName: String?
    var applicationProtocols: [String] = []
    var keyLogFile: String?
    /// The only certificate to accept.
    var pin: TLSPin?
    /// The protocol that begins in plain text; nil if the connection begins with TLS.
    var startTLS: StartTLS?
}

extension TLSFlags {
    /// Parses the flags, or returns nil if the command line does not use TLS.
    ///
    /// - Throws: A `UsageError` if a flag needs TLS, has an invalid value, or contradicts another
    ///   flag or the endpoint.
    init?(_ arguments: Arguments, for endpoint: Endpoint) throws(UsageError) {
        let isURL = !arguments.has(.unix) && arguments.operands.contains(where: Target.isTLS)
        guard arguments.has(.tls) || arguments.has(.starttls) || isURL else {
            if let flag = Self.details.first(where: arguments.has) {
                throw UsageError("\(flag.name) needs --tls")
            }
            return nil
        }
        if endpoint.isDatagram {
            throw UsageError("--tls needs a stream, because datagrams would need DTLS")
        }
        caFile = arguments[.ca]
        certificateFile = arguments[.cert]
        keyFile = arguments[.key]
        if keyFile != nil, certificateFile == nil { throw UsageError("--key needs --cert") }
        isInsecure = arguments.has(.insecure)
        if isInsecure, caFile != nil {
            throw UsageError("--insecure and --ca cannot be combined, because --ca verifies")
        }
        serverName = try arguments[.sni].map(Self.serverName)
        applicationProtocols = try arguments[.alpn].map(Self.applicationProtocols) ?? []
        keyLogFile = arguments[.keyLog]
        pin = try arguments[.pin].map(Self.pin)
        startTLS = try arguments[.starttls].map(StartTLS.init(parsing:))
    }

    private static let details: [Flag] = [
        .ca, .cert, .key, .insecure, .sni, .alpn, .keyLog, .pin,
    ]

    private static func serverName(_ text: String) throws(UsageError) -> String {
        let isHost =
            IPAddress(text) != nil || (try? Endpoint(parsing: "tcp://\(text):1"))?.host == text
        guard isHost else {
            throw UsageError(
                "--sni needs the name or address of a host, not \(TerminalText.quoted(text))")
        }
        return text
    }

    private static func applicationProtocols(_ text: String) throws(UsageError) -> [String] {
        let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard names.allSatisfy({ (1...255).contains($0.utf8.count) }), names.count <= 64 else {
            throw UsageError(
                "--alpn needs names such as h2,http/1.1, not \(TerminalText.quoted(text))")
        }
        return names
    }

    private static func pin(_ text: String) throws(UsageError) -> TLSPin {
        do throws(SocketError) {
            return try TLSPin(parsing: text)
        } catch {
            throw UsageError(
                "--pin needs sha256:HEX, not \(TerminalText.quoted(text)): \(error.cause)")
        }
    }
}

// MARK: Configurations

extension TLSFlags {
    /// Reads the files, and returns a client that these flags configure.
    ///
    /// - Parameters:
    ///   - endpoint: The endpoint of the server.
    ///   - notesFaults: A Boolean value that indicates whether the client continues despite faults
    ///     of the server's certificates. The client then also checks the issuer if the flags accept
    ///     any issuer.
    /// - Returns: The client.
    /// - Throws: A `UsageError` if the endpoint has no name that could be verified, and a `Failure`
    ///   if a file cannot be used.
    func client(for endpoint: Endpoint, notingFaults notesFaults: Bool = false) throws -> TLSClient
    {
        let name = serverName ?? endpoint.host
        guard name != nil || acceptsAnyIssuer else {
            throw UsageError(
                "--tls needs --sni NAME for a Unix socket, because it has no name to verify")
        }
        var configuration = TLSConfiguration.client(
            serverName: name, trust: try trust(acceptingAny: acceptsAnyIssuer && !notesFaults),
            identity: try identity(), applicationProtocols: applicationProtocols)
        configuration.keyLogFile = try checkedKeyLogFile()
        configuration.notesFaults = notesFaults
        if let pin, !notesFaults { configuration.pins = [pin] }
        return TLSClient(configuration, startTLS, to: endpoint)
    }

    /// Reads the files or creates a certificate, and returns a server that these flags configure.
    ///
    /// - Parameter host: The host to listen on, which is also the name in a new certificate; nil or
    ///   empty for every interface.
    /// - Returns: The server.
    /// - Throws: A `Failure` if a file cannot be used.
    func server(on host: String?) throws(Failure) -> TLSServer {
        let given = try identity()
        let identity = if let given { given } else { try Self.selfSigned(for: host ?? "") }
        let trust = try caTrust()
        var configuration = TLSConfiguration.server(
            identity, clients: trust.map { .required(trusting: $0) } ?? .ignored,
            applicationProtocols: applicationProtocols)
        configuration.keyLogFile = try checkedKeyLogFile()
        return TLSServer(
            configuration,
            announcement:
                "Certificate \(identity.certificate.pin)\(given == nil ? " (self-signed)" : "")")
    }

    private static func selfSigned(for host: String) throws(Failure) -> TLSIdentity {
        let address = IPAddress(host)
        let isEvery = host.isEmpty || address?.isUnspecified == true
        // An address in a certificate has no zone, so remove it.
        let name = address == nil ? host : String(host.prefix { $0 != "%" })
        let fits = name.utf8.count <= 64 && name.utf8.allSatisfy { $0 < 0x80 }
        do throws(SocketError) {
            return try TLSIdentity.selfSigned(for: isEvery || !fits ? "localhost" : name)
        } catch {
            throw Failure(loading: error, .ownCertificate)
        }
    }

    /// A Boolean value that indicates whether the issuer of the server's certificate does not
    /// matter.
    ///
    /// A pin already identifies the certificate, which may be self-signed and so have no other
    /// issuer.
    var acceptsAnyIssuer: Bool { caFile == nil && (isInsecure || pin != nil) }

    private func trust(acceptingAny acceptsAny: Bool) throws(Failure) -> TLSTrust {
        if acceptsAny { return .insecurelyTrustAnything }
        return try caTrust() ?? .system
    }

    private func caTrust() throws(Failure) -> TLSTrust? {
        try caFile.map { file throws(Failure) in
            do throws(SocketError) {
                return try TLSTrust(file: file)
            } catch {
                throw Failure(loading: error, .caFile)
            }
        }
    }

    private func identity() throws(Failure) -> TLSIdentity? {
        try certificateFile.map { file throws(Failure) in
            do throws(SocketError) {
                return try TLSIdentity(certificateFile: file, keyFile: keyFile ?? file)
            } catch {
                throw Failure(loading: error, .ownCertificate)
            }
        }
    }

    /// Returns the path of the key log, after checking that the file can be written.
    ///
    /// The library would ignore a failure to write it.
    private func checkedKeyLogFile() throws(Failure) -> String? {
        guard let keyLogFile else { return nil }
        do throws(Errno) {
            try TLSConfiguration.createKeyLogFile(keyLogFile)
        } catch {
            throw Failure(
                .cannotWriteOutput,
                "cannot write the key log \(TerminalText.quoted(keyLogFile)):"
                    + " \(error.description.withLowercasedFirst)")
        }
        return keyLogFile
    }
}

extension Failure {
    /// Creates the failure of reading certificates or a key.
    fileprivate init(loading error: SocketError, _ status: ExitStatus) {
        let status = error.lacksLibrary ? ExitStatus(error) : status
        self.init(status, error.firstLine, hint: Hint.after(error, status))
    }
}

extension SocketError {
    /// A Boolean value that indicates whether this machine has no TLS library.
    fileprivate var lacksLibrary: Bool {
        if case .tls(.unavailable) = cause { true } else { false }
    }
}
