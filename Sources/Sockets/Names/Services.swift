internal import SystemPackage

/// The services database: which port a service lives on, and which service lives on a port.
///
/// ```swift
/// try Services.port(named: "http", transport: .tcp)      // 80
/// try Services.name(ofPort: 13, transport: .udp)         // "daytime"
/// ```
///
/// The operating system is asked, usually its file `/etc/services`. The calls are quick where the
/// database is a file, but may block where it is elsewhere.
public enum Services {
    /// What the database holds about a service.
    public struct ServiceEntry: Hashable, Sendable {
        /// The official name.
        public let name: String
        /// Other names that find the same service.
        public let aliases: [String]
        /// The port's number.
        public let port: UInt16
        /// The transport protocol's name, `tcp` or `udp`, or another where none was asked for.
        public let `protocol`: String
    }

    /// The port on which a service of this name or alias lives.
    ///
    /// Without a protocol the first entry of that name is taken. Digits are no service's name:
    /// the answer to `80` is that there is none.
    ///
    /// The corresponding C function is `getservbyname`.
    ///
    /// - Throws: ``SocketError/Cause/unknownService(_:transport:)`` when the database has no such
    ///   service, ``SocketError/Cause/noServicesDatabase`` when the machine has no database,
    ///   ``SocketError/Cause/invalidInput(_:)`` for text that can name none: empty, with spaces
    ///   or control characters, or longer than 255 bytes; otherwise what the system said.
    public static func port(
        named name: String, transport: Transport? = nil
    ) throws(SocketError) -> UInt16 {
        try service(named: name, transport: transport).port
    }

    /// The official name of the service that lives on a port.
    ///
    /// Without a protocol the first entry for that port is taken.
    ///
    /// The corresponding C function is `getservbyport`.
    ///
    /// - Throws: As ``port(named:transport:)``; the unknown service is the port in digits.
    public static func name(
        ofPort port: UInt16, transport: Transport? = nil
    ) throws(SocketError) -> String {
        try service(onPort: port, transport: transport).name
    }

    /// All that the database holds about the service of this name or alias.
    ///
    /// - Throws: As ``port(named:transport:)``.
    public static func service(
        named name: String, transport: Transport? = nil
    ) throws(SocketError) -> ServiceEntry {
        guard canBeName(name) else {
            throw SocketError(
                .parse,
                .invalidInput(
                    "\(TerminalText.quoted(name)) is not a service name:"
                        + " expected 1 to 255 visible ASCII characters, such as http"))
        }
        do {
            return ServiceEntry(try System.getservbyname_r(name, transport?.description))
        } catch {
            throw SocketError(failure: error, name: name, transport: transport)
        }
    }

    /// All that the database holds about the service on this port.
    ///
    /// - Throws: As ``name(ofPort:transport:)``.
    public static func service(
        onPort port: UInt16, transport: Transport? = nil
    ) throws(SocketError) -> ServiceEntry {
        do {
            return ServiceEntry(try System.getservbyport_r(port, transport?.description))
        } catch {
            throw SocketError(failure: error, name: "\(port)", transport: transport)
        }
    }

    /// Whether a database can hold this name; C would stop at a NUL.
    private static func canBeName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

extension Services.ServiceEntry {
    init(_ raw: RawServiceEntry) {
        self.init(
            name: raw.name, aliases: raw.aliases, port: raw.port, protocol: raw.transport)
    }
}

extension SocketError {
    /// A failed look-up of a service.
    init(
        failure: ServiceCallFailure, name: String, transport: Transport?
    ) {
        let cause: Cause =
            switch failure {
            case .unknown: .unknownService(name, transport: transport)
            case .noDatabase: .noServicesDatabase
            case .system(let code): .system(code)
            }
        self.init(.lookUpService, cause, subject: name)
    }
}
