import Sockets

/// The client's side of TLS on a connected socket: the plain-text beginning of `--starttls`, and
/// the handshake.
struct TLSClient: Sendable {
    private let configuration: TLSConfiguration
    private let upgrade: StartTLS?
    private let endpoint: Endpoint

    init(_ configuration: TLSConfiguration, _ upgrade: StartTLS?, to endpoint: Endpoint) {
        self.configuration = configuration
        self.upgrade = upgrade
        self.endpoint = endpoint
    }

    /// Starts TLS on a connected socket.
    ///
    /// - Parameters:
    ///   - socket: The socket, which is closed if the call fails.
    ///   - limit: The time limit for connecting, which the error message names.
    ///   - deadline: The moment at which that limit ends.
    /// - Throws: A `SocketError` or a `Failure` that names the endpoint.
    func start(on socket: Socket, limit: Duration, _ deadline: TimeLimit) throws {
        do {
            let stream = SocketStream(socket, lineLimit: PlainDialog.longestLine)
            if let upgrade {
                try upgrade.request(PlainDialog(stream, endpoint, upgrade, deadline))
            }
            // This call fails if more bytes arrived together with the server's reply, because an
            // attacker may have injected them.
            try stream.startTLS(configuration, timeout: deadline)
        } catch {
            socket.close()
            throw (error as? SocketError).map { naming($0, limit) } ?? error
        }
    }

    /// Returns the error of a handshake, which names the endpoint instead of the address, and the
    /// whole time limit instead of the remaining time.
    private func naming(_ error: SocketError, _ limit: Duration) -> any Error {
        if case .timedOut = error.cause {
            let timeout = SocketError(.startTLS, .timedOut(limit: limit), endpoint: endpoint)
            return Failure(
                .timedOut, timeout.firstLine, hint: Hint.afterSilentHandshake(upgrade != nil))
        }
        guard error.operation == .startTLS else { return error }
        return SocketError(
            .startTLS, error.cause, endpoint: endpoint, remoteAddress: error.remoteAddress)
    }
}

extension TLSInformation {
    /// The version, the cipher and the application protocol, for a message.
    var brief: String {
        ([version.description, cipher] + [applicationProtocol].compactMap { $0 })
            .joined(separator: ", ")
    }
}

extension TLSCertificate {
    /// The value of `--pin` for the certificate.
    var pin: String { "sha256:\(fingerprint)" }
}
