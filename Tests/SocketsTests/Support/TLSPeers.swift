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
        let (client, server) = (try client ?? Self.client(), try server ?? Self.server())
        let listener = try Listener(on: Loopback.ipv4)
        async let accepted = listener.accept(timeout: .seconds(10))
        let (here, there) = (try await Connection(to: listener.localAddress), try await accepted)
        async let started: Void = there.startTLS(server)
        try await here.startTLS(client)
        try await started
        return (here, there)
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
