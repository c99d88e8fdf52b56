@testable import Sockets

/// Configurations and connections with TLS, for tests.
enum TLSPeers {
    /// Returns a client that trusts the tests' authority.
    static func client() throws -> TLSConfiguration {
        .client(serverName: "localhost", trust: try Certificates.trust())
    }

    /// Returns a server with a certificate for localhost.
    static func server() throws -> TLSConfiguration { .server(try Certificates.identity("server")) }

    /// Returns two connections with TLS between them.
    static func pair(
        client: TLSConfiguration? = nil, server: TLSConfiguration? = nil
    ) async throws -> (client: Connection, server: Connection) {
        let listener = try Listener(on: Loopback.ipv4)
        async let accepted = listener.accept(timeout: .seconds(10))
        let pair = (try await Connection(to: listener.localAddress), try await accepted)
        try await startTLS(pair.0, client ?? Self.client(), pair.1, server ?? Self.server())
        return pair
    }

    /// Returns two connections with TLS between them, over Unix sockets.
    ///
    /// A buffer that is full stays full until the peer reads, whereas TCP may still have bytes on their way.
    static func unixPair() async throws -> (client: Connection, server: Connection) {
        let pair = try Connection.pair()
        try await startTLS(pair.0, client(), pair.1, server())
        return pair
    }

    private static func startTLS(
        _ here: Connection, _ client: TLSConfiguration,
        _ there: Connection, _ server: TLSConfiguration
    ) async throws {
        async let started: Void = there.startTLS(server)
        try await here.startTLS(client)
        try await started
    }

    /// Runs `body` with the address of a listener with TLS that serves with `handler`.
    static func serving(
        _ configuration: TLSConfiguration? = nil, options: ServeOptions = ServeOptions(),
        _ handler: @escaping @Sendable (Connection) async throws -> Void,
        _ body: (SocketAddress) async throws -> Void
    ) async throws {
        let listener = try await Listener(
            on: .tcp("127.0.0.1", port: 0), tls: configuration ?? server())
        let serving = Task { try await listener.serve(options: options, handler) }
        do {
            try await body(listener.localAddress)
        } catch {
            serving.cancel()
            _ = await serving.result
            throw error
        }
        serving.cancel()
        try await serving.value
    }
}
