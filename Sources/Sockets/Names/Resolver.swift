internal import SystemPackage

/// Turns names into addresses and addresses into names.
///
/// ```swift
/// let addresses = try Resolver.resolve(.tcp("www.example.com", port: "http"))
/// let (host, service) = try Resolver.name(of: addresses[0])
/// ```
///
/// The functions ask the operating system, which reads files such as `/etc/hosts` and asks name
/// servers; they block until it answers, or until the time limit that was given to them. A numeric
/// address asks nobody.
public enum Resolver {
    /// What a host's name was resolved to.
    public struct Resolution: Hashable, Sendable {
        /// The addresses in the order of preference (RFC 6724); never empty, none twice.
        public let addresses: [SocketAddress]
        /// The host's official name, where it was asked for and is known.
        public let canonicalName: String?
    }

    /// The addresses of an endpoint, in the order in which they should be tried.
    ///
    /// - Parameters:
    ///   - endpoint: A Unix endpoint is its own address; nothing is looked up, and nothing on the
    ///     file system touched.
    ///   - family: Only addresses of this family; `nil` for all.
    ///   - numericOnly: Whether a host that is no numeric address is refused at once.
    ///   - passive: Whether the endpoint is to be bound, so that no host means every interface:
    ///     `::`, then `0.0.0.0`. Otherwise it means this machine: `::1`, then `127.0.0.1`.
    ///   - timeout: How long to wait for the host's addresses. Nothing can interrupt a look-up:
    ///     when the limit ends, it is left to itself on a thread of its own, 64 at most.
    /// - Throws: ``SocketError/Cause/timedOut(limit:)`` where the limit ended,
    ///   ``SocketError/Cause/nameResolution(_:)`` where the name has no address of the
    ///   family or could not be looked up, ``SocketError/Cause/unknownService(_:transport:)`` or
    ///   ``SocketError/Cause/noServicesDatabase`` where the port is a service's name,
    ///   ``SocketError/Cause/invalidInput(_:)`` for text that names nothing, such as a path of
    ///   more than 107 bytes, and for the wrong family; otherwise what the system said.
    public static func resolve(
        _ endpoint: Endpoint, family: AddressFamily? = nil, numericOnly: Bool = false,
        passive: Bool = false, timeout: TimeLimit = .never
    ) throws(SocketError) -> [SocketAddress] {
        try resolve(
            endpoint, family: family, numericOnly: numericOnly, passive: passive,
            deadline: Deadline(startingNow: timeout))
    }

    /// The same as one step of an operation whose time already runs.
    package static func resolve(
        _ endpoint: Endpoint, family: AddressFamily? = nil, numericOnly: Bool = false,
        passive: Bool = false, deadline: Deadline
    ) throws(SocketError) -> [SocketAddress] {
        do {
            if let path = endpoint.path { return [try unixAddress(path, family: family)] }
            let question = HostLookup(
                host: endpoint.host ?? "", service: endpoint.port, family: family,
                transport: endpoint.transport, numericOnly: numericOnly, passive: passive)
            return try question.answer(until: deadline).addresses
        } catch {
            throw SocketError(
                error.operation, error.cause, subject: error.subject, endpoint: endpoint)
        }
    }

    /// The addresses of a host, with the port of a service.
    ///
    /// The corresponding C function is `getaddrinfo`.
    ///
    /// - Parameters:
    ///   - host: A name, or a numeric address without brackets, perhaps with a zone; empty for
    ///     this machine, or every interface of it: see `passive`.
    ///   - service: The port, looked up where it is a service's name; 0 where it is `nil`.
    ///   - family: Only addresses of this family; `nil` for all.
    ///   - transport: What the service's name is looked up for; `nil` for any.
    ///   - numericOnly: Whether a host that is no numeric address is refused at once.
    ///   - canonicalName: Whether the host's official name is wanted too.
    ///   - passive: Whether the addresses are to be bound: see
    ///     ``resolve(_:family:numericOnly:passive:timeout:)``.
    ///   - timeout: How long to wait for the host's addresses.
    /// - Throws: As ``resolve(_:family:numericOnly:passive:timeout:)``.
    public static func resolve(
        host: String, service: Port? = nil, family: AddressFamily? = nil,
        transport: Transport? = nil, numericOnly: Bool = false,
        canonicalName: Bool = false, passive: Bool = false, timeout: TimeLimit = .never
    ) throws(SocketError) -> Resolution {
        let question = HostLookup(
            host: host, service: service, family: family, transport: transport,
            numericOnly: numericOnly, canonicalName: canonicalName, passive: passive)
        return try question.answer(until: Deadline(startingNow: timeout))
    }

    /// The names of an address: of its host, and of the service on its port.
    ///
    /// What has no name is given in digits. The corresponding C function is `getnameinfo`.
    ///
    /// - Parameters:
    ///   - address: An Internet address.
    ///   - nameRequired: Whether a host without a name is an error.
    ///   - numericHost: Whether the host is wanted in digits, without a look-up.
    ///   - numericService: Whether the service is wanted in digits, without a look-up.
    ///   - transport: What the service's name is looked up for, TCP or UDP.
    ///   - timeout: How long to wait for the names.
    /// - Throws: ``SocketError/Cause/timedOut(limit:)`` where the limit ended,
    ///   ``SocketError/Cause/nameResolution(_:)`` where a required name does not exist or
    ///   could not be looked up, ``SocketError/Cause/invalidInput(_:)`` for a Unix address or
    ///   none; otherwise what the system said.
    public static func name(
        of address: SocketAddress, nameRequired: Bool = false, numericHost: Bool = false,
        numericService: Bool = false, transport: Transport = .tcp,
        timeout: TimeLimit = .never
    ) throws(SocketError) -> (host: String, service: String) {
        guard address.ip != nil, let family = address.family else {
            throw SocketError(
                .resolve,
                .invalidInput("only Internet addresses have host names: expected IPv4 or IPv6"),
                remoteAddress: address)
        }
        var options = NameInfoOptions()
        options.nameRequired = nameRequired
        options.numericHost = numericHost
        options.numericService = numericService
        options.datagram = transport == .udp
        let raw: RawSocketAddress
        do { raw = try address.raw(for: family) } catch {
            throw SocketError(.resolve, .system(error), remoteAddress: address)
        }
        return try Lookup.answer(
            until: Deadline(startingNow: timeout),
            orThrow: { SocketError(.resolve, $0, remoteAddress: address) },
            to: { [options] () throws(AddressInfoFailure) in
                try System.getnameinfo(raw, options)
            })
    }

    /// What this machine calls itself. The corresponding C function is `gethostname`.
    ///
    /// - Throws: What the system said.
    public static func hostName() throws(SocketError) -> String {
        do { return try System.gethostname() } catch {
            throw SocketError(.getHostName, .system(error))
        }
    }
}

// MARK: Unix endpoints

extension Resolver {
    private static func unixAddress(
        _ path: String, family: AddressFamily?
    ) throws(SocketError) -> SocketAddress {
        guard family == nil || family == .unix else {
            throw SocketError(
                .resolve,
                .invalidInput("a Unix socket has no Internet addresses: expected no family"))
        }
        guard let address = UnixAddress(marked: path) else {
            let limit = UnixAddress.maximumLength
            throw SocketError(
                .resolve,
                .invalidInput(
                    "\(TerminalText.quoted(path)) names no Unix socket: expected a path,"
                        + " or @ and an abstract name, of 1 to \(limit) bytes without NUL"),
                subject: TerminalText.quoted(path))
        }
        return .unix(address)
    }
}
