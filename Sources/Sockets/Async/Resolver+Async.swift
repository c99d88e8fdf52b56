internal import SystemPackage

// Asynchronous overloads, which run the blocking functions on separate threads.
extension Resolver {
    /// Returns the addresses of an endpoint, in the order in which they should be tried.
    ///
    /// The task is suspended during the lookup.
    ///
    /// ```swift
    /// let addresses = try await Resolver.resolve(
    ///     .tcp("www.example.com", port: "http"), timeout: .seconds(5))
    /// ```
    ///
    /// - Parameters:
    ///   - endpoint: The endpoint to resolve. A Unix endpoint needs no lookup and no access to the
    ///     file system, because it contains the address.
    ///   - family: The family of the addresses to return, or `nil` for all families.
    ///   - numericOnly: Whether to accept only a numeric address as the host, so that no query is
    ///     made.
    ///   - forBinding: Whether the addresses will be bound. An empty host then means every
    ///     interface (`::`, then `0.0.0.0`). Otherwise it means this machine (`::1`, then
    ///     `127.0.0.1`).
    ///   - timeout: How long to wait for the addresses. At the limit, the lookup is abandoned.
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
    ///   - ``SocketError/Cause/cancelled`` if the task was cancelled.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func resolve(
        _ endpoint: Endpoint, family: AddressFamily? = nil, numericOnly: Bool = false,
        forBinding: Bool = false, timeout: TimeLimit = .never
    ) async throws(SocketError) -> [SocketAddress] {
        try await onLookupThread(
            if: endpoint.mayBlock, timeout, using: endpoint.lookupThreads,
            orThrow: { SocketError(.resolve, $0, endpoint: endpoint) },
            { () throws(SocketError) in
                try resolve(
                    endpoint, family: family, numericOnly: numericOnly, forBinding: forBinding)
            })
    }

    /// Returns the addresses of a host, each with the port of a service.
    ///
    /// The task is suspended during the lookup. The corresponding C function is `getaddrinfo`.
    ///
    /// - Parameters:
    ///   - host: A name, or a numeric address without brackets and with an optional zone. An empty
    ///     host means this machine, or every interface if `forBinding` is true.
    ///   - service: The port or a service's name, or `nil` for port 0.
    ///   - family: The family of the addresses to return, or `nil` for all families.
    ///   - transport: The transport for which the service's name is looked up, or `nil` for any
    ///     transport.
    ///   - numericOnly: Whether to accept only a numeric address as the host, so that no query is
    ///     made.
    ///   - canonicalName: Whether to return the host's official name as well.
    ///   - forBinding: Whether the addresses will be bound. An empty host then means every
    ///     interface (`::`, then `0.0.0.0`). Otherwise it means this machine (`::1`, then
    ///     `127.0.0.1`).
    ///   - timeout: How long to wait for the addresses. At the limit, the lookup is abandoned.
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
    ///   - ``SocketError/Cause/cancelled`` if the task was cancelled.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func resolve(
        host: String, service: Port? = nil, family: AddressFamily? = nil,
        transport: Transport? = nil, numericOnly: Bool = false,
        canonicalName: Bool = false, forBinding: Bool = false, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Resolution {
        let lookup = HostLookup(host: host, service: service, numericOnly: numericOnly)
        return try await onLookupThread(
            if: lookup.mayBlock, timeout, using: lookup.threadsForTask,
            orThrow: { SocketError(.resolve, $0, subject: TerminalText.escaped(host)) },
            { () throws(SocketError) in
                try resolve(
                    host: host, service: service, family: family, transport: transport,
                    numericOnly: numericOnly, canonicalName: canonicalName, forBinding: forBinding)
            })
    }

    /// Returns the host name of an address and the service name of its port.
    ///
    /// If a name does not exist, the result contains digits instead. The task is suspended during
    /// the lookup. The corresponding C function is `getnameinfo`.
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
    ///   - ``SocketError/Cause/cancelled`` if the task was cancelled.
    ///   - ``SocketError/Cause/system(_:)`` with `ENODEV` if the address's zone is not the name of
    ///     an interface.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func name(
        of address: SocketAddress, nameRequired: Bool = false, numericHost: Bool = false,
        numericService: Bool = false, transport: Transport = .tcp,
        timeout: TimeLimit = .never
    ) async throws(SocketError) -> (host: String, service: String) {
        try await onLookupThread(
            if: !(numericHost && numericService), timeout,
            using: numericHost ? .services : .shared,
            orThrow: { SocketError(.resolve, $0, remoteAddress: address) },
            { () throws(SocketError) in
                try name(
                    of: address, nameRequired: nameRequired, numericHost: numericHost,
                    numericService: numericService, transport: transport)
            })
    }

    /// Looks up a host by name, and returns its names and its addresses of one family.
    ///
    /// A numeric address is returned without a query, and `localhost` always means this machine.
    /// The task is suspended during the lookup. The corresponding C function is `gethostbyname2_r`.
    ///
    /// - Parameters:
    ///   - name: A name, or a numeric address.
    ///   - family: IPv4 or IPv6.
    ///   - timeout: How long to wait for the answer. At the limit, the lookup is abandoned.
    /// - Returns: The host's names and addresses.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `name` cannot be a host, or if `family` is
    ///     ``AddressFamily/unix``.
    ///   - ``SocketError/Cause/hostLookup(_:)`` if the host does not exist, has no address of the
    ///     family, or could not be looked up.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the lookup did not end in time.
    ///   - ``SocketError/Cause/cancelled`` if the task was cancelled.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func host(
        named name: String, family: AddressFamily = .ipv4, timeout: TimeLimit = .never
    ) async throws(SocketError) -> HostEntry {
        try await onLookupThread(
            if: HostLookup(host: name).mayBlock, timeout,
            orThrow: { SocketError(.lookUpHost, $0, subject: TerminalText.escaped(name)) },
            { () throws(SocketError) in try host(named: name, family: family) })
    }

    /// Returns the names and addresses of the host with the given address.
    ///
    /// An IPv4-mapped address is looked up as the IPv4 address inside it, and a zone is ignored.
    /// The task is suspended during the lookup. The corresponding C function is `gethostbyaddr_r`.
    ///
    /// - Parameters:
    ///   - address: The numeric address.
    ///   - timeout: How long to wait for the answer. At the limit, the lookup is abandoned.
    /// - Returns: The host's names and addresses.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/hostLookup(_:)`` if the address has no name or could not be looked
    ///     up.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the lookup did not end in time.
    ///   - ``SocketError/Cause/cancelled`` if the task was cancelled.
    ///   - ``SocketError/Cause/system(_:)`` with `EMFILE` or `ENFILE` if no descriptors are left,
    ///     with `EAGAIN` if no thread can be started, or with another error of the system.
    public static func host(
        at address: IPAddress, timeout: TimeLimit = .never
    ) async throws(SocketError) -> HostEntry {
        try await onLookupThread(
            if: true, timeout,
            orThrow: { SocketError(.lookUpHost, $0, subject: address.description) },
            { () throws(SocketError) in try host(at: address) })
    }

    /// Runs `call`, on a separate thread if it may block.
    ///
    /// - Throws: The error of `call`, or the error from `makeError` if the time limit has passed,
    ///   the task is cancelled, or no thread is available.
    private static func onLookupThread<Value: Sendable>(
        if mayBlock: Bool, _ timeout: TimeLimit, using threads: LookupThreads = .shared,
        orThrow makeError: (SocketError.Cause) -> SocketError,
        _ call: @escaping @Sendable () throws(SocketError) -> Value
    ) async throws(SocketError) -> Value {
        guard mayBlock else { return try call() }
        let result: Result<Value, SocketError>
        do throws(SocketError) {
            let loop = LoopGroup.shared.next()
            result = try await Lookup.answer(
                until: Deadline(startingNow: timeout), using: threads, on: loop
            ) {
                Result { () throws(SocketError) in try call() }
            }
        } catch {
            // If the lookup itself did not fail, but the loop or the thread did, keep the operation
            // of the error.
            let operation = error.operation == .resolve ? nil : error.operation
            throw makeError(error.cause).with(operation: operation, hint: error.hint)
        }
        return try result.get()
    }
}
