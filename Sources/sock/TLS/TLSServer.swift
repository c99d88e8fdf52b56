import Sockets

/// The server's side of TLS, for all clients of a listener.
struct TLSServer: Sendable {
    let configuration: TLSConfiguration
    /// The line that says which certificate the clients receive.
    let announcement: String

    /// The time limit for one handshake, so that the server does not wait for a silent client for
    /// ever.
    private static let limit = TimeLimit.seconds(10)

    init(_ configuration: TLSConfiguration, announcement: String) {
        self.configuration = configuration
        self.announcement = announcement
    }

    /// Starts TLS with a client.
    ///
    /// - Throws: A `Failure` or a `SocketError` that names the client.
    func start(on client: Socket) throws {
        do throws(SocketError) {
            try client.startTLS(configuration, timeout: Self.limit)
        } catch {
            client.close()
            throw explained(error)
        }
    }

    /// Starts TLS with a client; see ``start(on:)``.
    func start(on client: Connection) async throws {
        do throws(SocketError) {
            try await client.startTLS(configuration, timeout: Self.limit)
        } catch {
            throw explained(error)
        }
    }

    /// Returns the error.
    ///
    /// If the client sent no certificate, returns a failure instead, which blames the client.
    private func explained(_ error: SocketError) -> any Error {
        guard error.cause == .tls(.clientCertificateRequired) else { return error }
        return Failure(
            .peerCertificate, error.firstLine, hint: "The client needs a certificate for --ca.")
    }
}
