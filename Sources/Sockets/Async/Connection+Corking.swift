extension Connection {
    /// Runs `body` while the kernel sends only full segments: `TCP_CORK` of tcp(7).
    ///
    /// ```swift
    /// try await connection.corked {
    ///     try await connection.write(head)
    ///     for part in parts { try await connection.write(part) }
    /// }
    /// ```
    ///
    /// The kernel holds back a partial segment until `body` ends, but at most 200 ms. The call
    /// costs two system calls. Do not wait for a reply in `body`, because the request may be held
    /// back. Overlapping calls share the option, so when the first of them ends, the kernel sends
    /// the held-back bytes of all. A Unix socket has no segments, so the call runs `body` and sets
    /// no option.
    ///
    /// A ``BufferedWriter`` also saves the system calls of the writes, and
    /// ``sendFile(_:header:offset:count:timeout:)`` sends a header and a file together.
    ///
    /// - Parameter body: The closure that writes.
    /// - Returns: The result of `body`.
    /// - Throws: The error that `body` throws, or ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the kernel refuses the option.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func corked<Success>(_ body: () async throws -> Success) async throws -> Success {
        guard family != .unix else { return try await body() }
        try setOption(.cork, to: true)
        // An error here means that the connection is closed, so nothing is held back.
        defer { try? setOption(.cork, to: false) }
        return try await body()
    }
}
