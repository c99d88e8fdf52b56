extension Socket {
    /// Runs `body` while the kernel sends only full segments: `TCP_CORK` of tcp(7).
    ///
    /// ```swift
    /// try socket.corked {
    ///     try socket.sendAll(header)
    ///     try socket.sendAll(page)
    /// }
    /// ```
    ///
    /// The kernel holds back a partial segment until `body` ends, but at most 200 ms. The call
    /// costs two system calls. Do not wait for a reply in `body`, because the request may be held
    /// back. Overlapping calls share the option, so when the first of them ends, the kernel sends
    /// the held-back bytes of all. A Unix socket has no segments, so the call runs `body` and sets
    /// no option. The async counterpart is ``Connection/corked(_:)``. A ``SocketStream`` also saves
    /// the system calls of the writes.
    ///
    /// - Parameter body: The closure that writes.
    /// - Returns: The result of `body`.
    /// - Throws: The error that `body` throws, or ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the kernel refuses the option, for example because
    ///     the socket is not a TCP socket.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func corked<Success>(_ body: () throws -> Success) throws -> Success {
        guard family != .unix else { return try body() }
        try setOption(.cork, to: true)
        // An error here means that the socket is closed, so nothing is held back.
        defer { try? setOption(.cork, to: false) }
        return try body()
    }
}
