internal import SystemPackage

/// Functions that resolve names to addresses and addresses to names.
///
/// ```swift
/// let addresses = try Resolver.resolve(.tcp("www.example.com", port: "http"))
/// let (host, service) = try Resolver.name(of: addresses[0])
/// ```
///
/// The functions call the operating system, which reads files such as `/etc/hosts` and queries name
/// servers. A numeric address needs no query, and neither does `localhost` or a subdomain of it,
/// which is always this machine (RFC 6761). libidn2 converts an international name, such as
/// `münchen.example`, to its ASCII form; without that library, such a name is an error.
///
/// A lookup cannot be interrupted. So a lookup with a time limit, and every lookup of a task, runs
/// on a thread of its own, and it is abandoned at the limit. At most 512 such threads exist. While
/// all of them are in use, further lookups wait within their own limits. A lookup that needs no
/// name server, such as that of a service's name, does not wait for these threads.
///
/// Each function that may wait has two overloads. The synchronous overload blocks its thread until
/// the answer arrives or the time limit ends. The `async` overload suspends the task instead, and
/// also ends when the task is cancelled.
public enum Resolver {
    /// The result of resolving a host's name.
    public struct Resolution: Hashable, Sendable {
        /// The addresses in order of preference (RFC 6724), without duplicates; never empty.
        public let addresses: [SocketAddress]
        /// The host's official name, or `nil` if it was not requested or is not known.
        public let canonicalName: String?
        /// The ASCII form that was looked up for an international name, such as
        /// `xn--mnchen-3ya.example` for `münchen.example`; `nil` for other names.
        public let asciiName: String?

        init(
            addresses: [SocketAddress], canonicalName: String?, asciiName: String? = nil
        ) {
            self.addresses = addresses
            self.canonicalName = canonicalName
            self.asciiName = asciiName
        }
    }

    /// Returns the addresses of an endpoint, in the order in which they should be tried.
    ///
    /// The call blocks the thread during the lookup; in a task, call the `async` overload.
    ///
    /// - Parameters:
    ///   - endpoint: The endpoint. A Unix endpoint needs no lookup, and the file system is not
    ///     accessed.
    ///   - family: The family of the addresses to return; `nil` for all families.
    ///   - numericOnly: Whether to accept only a numeric address as the host. A name is rejected
    ///     and not looked up.
    ///   - forBinding: Whether the addresses will be bound. An empty host then means every
    ///     interface (`::`, then `0.0.0.0`). Otherwise it means this machine (`::1`, then
    ///     `127.0.0.1`).
    ///   - timeout: How long to wait for the host's addresses. A lookup cannot be interrupted, so
    ///     at the limit it is abandoned and continues on its own thread. There are at most 512 such
    ///     threads.
    /// - Returns: The addresses, at least one.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the host, the port or the path is malformed
    ///     (such as a path of more than 107 bytes), or if the family does not match the endpoint.
    ///   - ``SocketError/Cause/nameResolution(_:)`` if the host has no address of the family or
    ///     could not be looked up.
    ///   - ``SocketError/Cause/unknownService(_:transport:)`` if the services database does not
    ///     contain the port's name.
    ///   - ``SocketError/Cause/noServicesDatabase`` if the machine has no services database.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the lookup did not end in time.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func resolve(
        _ endpoint: Endpoint, family: AddressFamily? = nil, numericOnly: Bool = false,
        forBinding: Bool = false, timeout: TimeLimit = .never
    ) throws(SocketError) -> [SocketAddress] {
        try resolve(
            endpoint, family: family, numericOnly: numericOnly, forBinding: forBinding,
            deadline: Deadline(startingNow: timeout))
    }

    /// Returns the addresses of an endpoint, as one step of an operation that has a deadline.
    package static func resolve(
        _ endpoint: Endpoint, family: AddressFamily? = nil, numericOnly: Bool = false,
        forBinding: Bool = false, deadline: Deadline, on threads: LookupThreads = .shared
    ) throws(SocketError) -> [SocketAddress] {
        do {
            if let path = endpoint.pathBytes { return [try unixAddress(path, family: family)] }
            let lookup = HostLookup(
                host: endpoint.host ?? "", service: endpoint.port, family: family,
                transport: endpoint.transport, numericOnly: numericOnly, forBinding: forBinding,
                threads: threads)
            return try lookup.resolution(until: deadline).addresses
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }

    /// Returns the addresses of a host, each with the port of a service.
    ///
    /// The call blocks the thread during the lookup; in a task, call the `async` overload. The
    /// corresponding C function is `getaddrinfo`.
    ///
    /// - Parameters:
    ///   - host: A name, or a numeric address without brackets and with an optional zone. An empty
    ///     host means this machine, or every interface if `forBinding` is true.
    ///   - service: The port or a service's name; `nil` for port 0.
    ///   - family: The family of the addresses to return; `nil` for all families.
    ///   - transport: The transport for which the service's name is looked up; `nil` for any
    ///     transport.
    ///   - numericOnly: Whether to accept only a numeric address as the host. A name is rejected
    ///     and not looked up.
    ///   - canonicalName: Whether to return the host's official name too.
    ///   - forBinding: Whether the addresses will be bound. An empty host then means every
    ///     interface (`::`, then `0.0.0.0`). Otherwise it means this machine (`::1`, then
    ///     `127.0.0.1`).
    ///   - timeout: How long to wait for the host's addresses. At the limit, the lookup is
    ///     abandoned.
    /// - Returns: The addresses, and the official name if `canonicalName` is true.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the host or the service is malformed, or if
    ///     the family or the transport is for Unix sockets.
    ///   - ``SocketError/Cause/nameResolution(_:)`` if the host has no address of the family or
    ///     could not be looked up.
    ///   - ``SocketError/Cause/unknownService(_:transport:)`` if the services database does not
    ///     contain the service.
    ///   - ``SocketError/Cause/noServicesDatabase`` if the machine has no services database.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the lookup did not end in time.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func resolve(
        host: String, service: Port? = nil, family: AddressFamily? = nil,
        transport: Transport? = nil, numericOnly: Bool = false,
        canonicalName: Bool = false, forBinding: Bool = false, timeout: TimeLimit = .never
    ) throws(SocketError) -> Resolution {
        let lookup = HostLookup(
            host: host, service: service, family: family, transport: transport,
            numericOnly: numericOnly, canonicalName: canonicalName, forBinding: forBinding)
        return try lookup.resolution(until: Deadline(startingNow: timeout))
    }

    /// Returns the names of an address: the host's name, and the name of the service on its port.
    ///
    /// If a name does not exist, the result contains digits instead. The call blocks the thread
    /// during the lookup; in a task, call the `async` overload. The corresponding C function is
    /// `getnameinfo`.
    ///
    /// - Parameters:
    ///   - address: An Internet address.
    ///   - nameRequired: Whether a host without a name is an error.
    ///   - numericHost: Whether to return the host in digits, without a lookup.
    ///   - numericService: Whether to return the service in digits, without a lookup.
    ///   - transport: The transport for which the service's name is looked up: TCP or UDP.
    ///   - timeout: How long to wait for the names. At the limit, the lookup is abandoned.
    /// - Returns: The names of the host and of the service.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the address is a Unix address or unnamed.
    ///   - ``SocketError/Cause/nameResolution(_:)`` if a required name does not exist or could not
    ///     be looked up.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the lookup did not end in time.
    ///   - ``SocketError/Cause/system(_:)`` with `ENODEV` if the address's zone names no interface.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func name(
        of address: SocketAddress, nameRequired: Bool = false, numericHost: Bool = false,
        numericService: Bool = false, transport: Transport = .tcp,
        timeout: TimeLimit = .never
    ) throws(SocketError) -> (host: String, service: String) {
        guard address.ip != nil, let family = address.family else {
            throw SocketError(
                .resolve, .invalidInput("the address must be IPv4 or IPv6"), remoteAddress: address)
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
        return try Lookup.result(
            until: Deadline(startingNow: timeout),
            orThrow: { SocketError(.resolve, $0, remoteAddress: address) },
            of: { [options] () throws(AddressInfoFailure) in
                try System.getnameinfo(raw, options)
            })
    }

    /// Returns the name of this machine.
    ///
    /// The corresponding C function is `gethostname`. The call does not wait, so it has no `async`
    /// overload.
    ///
    /// - Throws: ``SocketError/Cause/system(_:)`` if the system reports an error.
    public static func hostName() throws(SocketError) -> String {
        do { return try System.gethostname() } catch {
            throw SocketError(.getHostName, .system(error))
        }
    }
}

// MARK: Unix endpoints

extension Resolver {
    private static func unixAddress(
        _ path: [UInt8], family: AddressFamily?
    ) throws(SocketError) -> SocketAddress {
        if let family, family != .unix {
            throw SocketError(.resolve, .invalidInput("a Unix endpoint has no \(family) addresses"))
        }
        guard let address = UnixAddress(markedBytes: path) else {
            throw SocketError(
                .resolve, .invalidInput(UnixAddress.expectation),
                subject: TerminalText.quoted(String(decoding: path, as: UTF8.self)))
        }
        return .unix(address)
    }
}
