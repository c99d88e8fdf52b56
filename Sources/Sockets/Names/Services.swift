internal import SystemPackage

/// Functions that look up services and ports in the services database, usually `/etc/services`.
///
/// ```swift
/// try Services.port(named: "http", transport: .tcp)      // 80
/// try Services.name(ofPort: 13, transport: .udp)         // "daytime"
/// ```
///
/// The functions block their thread while the operating system reads the database. They are fast if
/// the database is a file, but may wait if `nsswitch.conf` names another source. In a task,
/// ``Resolver/resolve(host:service:family:transport:numericOnly:canonicalName:forBinding:timeout:)-7homb``
/// looks up the port of a service without blocking a thread.
public enum Services {
    /// An entry of the services database.
    public struct ServiceEntry: Hashable, Sendable {
        /// The official name.
        public let name: String
        /// Other names of the same service.
        public let aliases: [String]
        /// The port's number.
        public let port: UInt16
        /// The transport, or `nil` if the entry is for another protocol, such as `sctp`.
        public let transport: Transport?
    }

    /// Returns the port of the service with this name or alias.
    ///
    /// The corresponding C function is `getservbyname`.
    ///
    /// - Parameters:
    ///   - name: A name or an alias. Digits are not a name, so `80` is an unknown service.
    ///   - transport: TCP or UDP; `nil` for the first entry with this name.
    /// - Returns: The port.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `name` is empty, contains spaces or control
    ///     characters, or is longer than 255 bytes.
    ///   - ``SocketError/Cause/unknownService(_:transport:)`` if the database has no such service.
    ///   - ``SocketError/Cause/noServicesDatabase`` if the machine has no database.
    ///   - ``SocketError/Cause/system(_:)`` if the system reports another error.
    public static func port(
        named name: String, transport: Transport? = nil
    ) throws(SocketError) -> UInt16 {
        try service(named: name, transport: transport).port
    }

    /// Returns the official name of the service on a port.
    ///
    /// The corresponding C function is `getservbyport`.
    ///
    /// - Parameters:
    ///   - port: The port's number.
    ///   - transport: TCP or UDP; `nil` for the first entry with this port.
    /// - Returns: The service's official name.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/unknownService(_:transport:)``, with the port in digits, if the
    ///     database has no service on the port.
    ///   - ``SocketError/Cause/noServicesDatabase`` if the machine has no database.
    ///   - ``SocketError/Cause/system(_:)`` if the system reports another error.
    public static func name(
        ofPort port: UInt16, transport: Transport? = nil
    ) throws(SocketError) -> String {
        try service(onPort: port, transport: transport).name
    }

    /// Returns the database's entry for the service with this name or alias.
    ///
    /// - Parameters:
    ///   - name: A name or an alias. Digits are not a name, so `80` is an unknown service.
    ///   - transport: TCP or UDP; `nil` for the first entry with this name.
    /// - Returns: The entry.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `name` is empty, contains spaces or control
    ///     characters, or is longer than 255 bytes.
    ///   - ``SocketError/Cause/unknownService(_:transport:)`` if the database has no such service.
    ///   - ``SocketError/Cause/noServicesDatabase`` if the machine has no database.
    ///   - ``SocketError/Cause/system(_:)`` if the system reports another error.
    public static func service(
        named name: String, transport: Transport? = nil
    ) throws(SocketError) -> ServiceEntry {
        guard isVisibleASCII(name) else {
            throw SocketError(
                .parse,
                .invalidInput("expected 1 to 255 visible ASCII characters, such as http"),
                subject: "service name \(TerminalText.quoted(name))")
        }
        do {
            return ServiceEntry(try System.getservbyname_r(name, transport: transport?.description))
        } catch {
            throw SocketError(failure: error, name: name, transport: transport)
        }
    }

    /// Returns the database's entry for the service on a port.
    ///
    /// - Parameters:
    ///   - port: The port's number.
    ///   - transport: TCP or UDP; `nil` for the first entry with this port.
    /// - Returns: The entry.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/unknownService(_:transport:)``, with the port in digits, if the
    ///     database has no service on the port.
    ///   - ``SocketError/Cause/noServicesDatabase`` if the machine has no database.
    ///   - ``SocketError/Cause/system(_:)`` if the system reports another error.
    public static func service(
        onPort port: UInt16, transport: Transport? = nil
    ) throws(SocketError) -> ServiceEntry {
        do {
            return ServiceEntry(try System.getservbyport_r(port, transport: transport?.description))
        } catch {
            throw SocketError(failure: error, name: "\(port)", transport: transport)
        }
    }

    /// Returns whether the text has 1 to 255 visible ASCII characters.
    ///
    /// This excludes the NUL, at which C would stop reading.
    private static func isVisibleASCII(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

extension Services.ServiceEntry {
    init(_ raw: RawServiceEntry) {
        self.init(
            name: raw.name, aliases: raw.aliases, port: raw.port,
            transport: Transport.allCases.first { $0.description == raw.transport })
    }
}

extension SocketError {
    /// Creates the error for a failed service lookup.
    fileprivate init(failure: ServiceCallFailure, name: String, transport: Transport?) {
        let cause: Cause =
            switch failure {
            case .unknown: .unknownService(name, transport: transport)
            case .noDatabase: .noServicesDatabase
            case .system(let code): .system(code)
            }
        self.init(.lookUpService, cause, subject: name)
    }
}
