internal import SystemPackage

// The same for tasks, which must not block the thread that runs them.
extension Lookup {
    /// The result of `body`, which looks up what `endpoint` names and blocks meanwhile: it runs at
    /// once if there is nothing to look up, and otherwise on a thread of its own.
    ///
    /// - Throws: as `body`; `.cancelled`, and then what `body` still gives is dropped;
    ///   `.system(.resourceTemporarilyUnavailable)` when too many look-ups run already.
    static func withoutBlocking<Result: Sendable>(
        _ operation: SocketError.Operation, _ endpoint: Endpoint,
        _ body: @escaping @Sendable () throws(SocketError) -> Result
    ) async throws(SocketError) -> Result {
        guard endpoint.isLookedUp else { return try body() }
        let outcome: Swift.Result<Result, SocketError>?
        do throws(Errno) {
            outcome = try await AbandonableCalls.lookups.run { Swift.Result(catching: body) }
        } catch {
            throw SocketError(operation, .system(error), endpoint: endpoint)
        }
        guard let outcome else { throw SocketError(operation, .cancelled, endpoint: endpoint) }
        return try outcome.get()
    }
}

extension Endpoint {
    /// Whether somebody has to be asked for an address or a port.
    var isLookedUp: Bool {
        guard let host, let port else { return false }
        return port.number == nil || !(host.isEmpty || IPAddress(host) != nil)
    }
}
