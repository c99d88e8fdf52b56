internal import Logging

extension Logger {
    /// Logs the error of a handler.
    ///
    /// - Parameters:
    ///   - error: The error.
    ///   - listener: The address of the listening socket.
    ///   - local: The local address of the handler's connection.
    ///   - remote: The address of the client.
    ///   - isHandshake: A Boolean value that indicates whether the TLS handshake failed, so the
    ///     handler was not called.
    func handlerFailed(
        _ error: any Error, on listener: SocketAddress, local: SocketAddress,
        remote: SocketAddress, isHandshake: Bool = false
    ) {
        let socketError = error as? SocketError
        var metadata: Logger.Metadata = [
            "address": "\(listener)", "peer": "\(remote)",
            // Escape the error, because it may quote the peer. The peer must not be able to write
            // control characters to a log or a terminal.
            "error": "\(socketError?.firstLine ?? TerminalText.escaped("\(error)"))",
        ]
        // Log the report as separate fields, because a log record is one line.
        if let report = socketError?.stallReport {
            metadata["verdict"] = "\(report.verdict.code)"
            metadata["evidence"] = "\(report.evidence)"
        }
        log(
            level: Self.level(of: socketError, local, remote),
            isHandshake ? "TLS handshake failed" : "handler failed", metadata: metadata)
    }

    /// Returns the level of a handler's error.
    ///
    /// Errors of clients that have disconnected get a low level, because they are part of normal
    /// operation.
    private static func level(
        of error: SocketError?, _ local: SocketAddress, _ remote: SocketAddress
    ) -> Logger.Level {
        guard let error else { return .warning }
        // The handler may have failed because of another connection, such as one to a database.
        let isOfClient =
            (error.remoteAddress ?? remote) == remote && (error.localAddress ?? local) == local
        return isOfClient && departures.contains(error.cause) ? .debug : .info
    }

    /// The causes that indicate that the client has disconnected.
    private static let departures: Set<SocketError.Cause> = [
        .endOfStream, .system(.connectionReset), .system(.brokenPipe),
        .system(.socketNotConnected), .system(.timedOut), .system(.connectionAbort),
        .system(.noRouteToHost), .system(.networkUnreachable), .system(.hostIsDown),
    ]
}
