extension Socket {
    /// Accepts clients and runs `handler` for each client on one of several threads, until the
    /// socket is closed.
    ///
    /// ```swift
    /// let server = try Socket(on: .tcp(port: 51423))
    /// try server.serve(threads: 64) { client in
    ///     let stream = SocketStream(client)
    ///     while let line = try stream.readLine(timeout: .seconds(60)) {
    ///         try stream.write("\(line)\n")
    ///         try stream.flush(timeout: .seconds(60))
    ///     }
    /// }
    /// ```
    ///
    /// Handlers may block their threads, so a client that does not read or write occupies a thread.
    /// Give every call in a handler a `timeout:`. While all threads are occupied, further clients
    /// wait in the kernel's backlog. The threads block all signals.
    ///
    /// When a handler returns, `serve` calls ``finish(timeout:)`` with a limit of 2 s, so that a
    /// client that is still sending can read the whole answer. When a handler throws, `serve`
    /// closes the connection. The error is logged and does not affect the other connections. While
    /// the process is short of descriptors, further clients wait in the kernel's backlog.
    ///
    /// To stop, call ``close()`` on this socket on another thread or in a handler. `serve` then
    /// stops accepting, so the kernel resets the clients in the backlog. It waits for the handlers
    /// for at most ``ServeOptions/gracePeriod``. Then it closes the connections of the remaining
    /// handlers, whose calls throw ``SocketError/Cause/closed``, and returns when these handlers
    /// have ended. A handler that never ends therefore keeps `serve` from returning. The call
    /// blocks the thread; the async counterpart is ``Listener/serve(options:_:)``.
    ///
    /// - Parameters:
    ///   - threads: The number of threads, which is the maximum number of open connections.
    ///     ``ServeOptions/maximumConnections`` may limit it further. A value below 1 is treated as
    ///     1.
    ///   - options: The limit of connections, the grace period and the logger. The limits for idle
    ///     connections and TLS handshakes are not used, because each call in a handler has its own
    ///     time limit.
    ///   - handler: The code to run for each connection.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `wouldBlock` if the system cannot start more
    ///     threads. The socket is then closed.
    ///   - ``SocketError/Cause/system(_:)`` with `invalidArgument` if the socket does not listen,
    ///     or if accepting fails for another reason that concerns the listening socket itself. The
    ///     socket is then closed.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the call is inside a `withTimeLimit` whose
    ///     limit has passed. The socket is then closed.
    ///   - ``SocketError/Cause/closed`` if the socket was closed before the call.
    public func serve(
        threads: Int, options: ServeOptions = ServeOptions(),
        _ handler: @escaping @Sendable (Socket) throws -> Void
    ) throws(SocketError) {
        guard !isClosed else { throw failure(.accept, .closed) }
        let count = max(1, min(threads, options.maximumConnections ?? .max))
        try ThreadServer(self, options, handler).run(threads: count)
    }
}
