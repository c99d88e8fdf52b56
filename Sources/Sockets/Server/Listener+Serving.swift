extension Listener {
    /// Accepts connections and runs `handler` concurrently for each connection, until the task is
    /// cancelled.
    ///
    /// ```swift
    /// try await Listener(on: .tcp(port: 51423)).serve { connection in
    ///     for try await line in connection.lines { try await connection.write("\(line)\n") }
    /// }
    /// ```
    ///
    /// When a handler returns, `serve` calls ``Connection/finish(timeout:)`` with a limit of 2 s,
    /// so that a client that is still sending can read the whole answer. When a handler throws,
    /// `serve` closes the connection. The error is logged and does not affect the other
    /// connections. `serve` skips clients that hang up before they are accepted. While the process
    /// is short of descriptors, further clients wait in the kernel's backlog.
    ///
    /// When the task is cancelled or the listener is closed, `serve` stops accepting and waits for
    /// the handlers for at most ``ServeOptions/gracePeriod``. The handlers do not observe a
    /// cancellation during that time. Then `serve` cancels the remaining handlers, closes their
    /// connections and returns when the handlers have ended. The listener is closed after `serve`
    /// returns.
    ///
    /// If the listener uses TLS, the task of each connection does the handshake before it calls the
    /// handler, so a slow client does not delay other clients. ``ServeOptions/handshakeTimeout``
    /// limits the handshake.
    ///
    /// ### Long-running work
    ///
    /// A handler runs on the thread of its connection's loop, because that costs the least. If the
    /// listener is sharded, this is the loop that accepted the client. Otherwise, `serve` assigns
    /// connections to the loops in turn. A handler must not block its thread or compute for long,
    /// because every connection of the loop would wait. A `@concurrent` function does not leave the
    /// loop, because the task prefers the loop as its executor. Move long-running work to Swift's
    /// thread pool:
    ///
    /// ```swift
    /// try await listener.serve { connection in
    ///     let request = try await connection.readToEnd()
    ///     let reply = await withTaskExecutorPreference(globalConcurrentExecutor) {
    ///         render(request)
    ///     }
    ///     try await connection.write(reply)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - options: Limits, the grace period and the logger.
    ///   - handler: The code to run for each connection.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/closed`` if the listener was closed before the call.
    ///   - ``SocketError/Cause/busy`` if another task accepts from the listener.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the call is inside a `withTimeLimit` whose
    ///     limit has passed.
    ///   - ``SocketError/Cause/system(_:)`` if accepting fails for a reason that concerns the
    ///     listening socket itself.
    public func serve(
        options: ServeOptions = ServeOptions(),
        _ handler: @escaping @Sendable (Connection) async throws -> Void
    ) async throws(SocketError) {
        try beginServing()
        let server = Server(self, options, handler)
        // Run the handlers as children of a separate task, because a cancellation of the current
        // task must not reach them. The separate task inherits the priority and the task-local
        // values.
        let serving = Task(executorPreference: source.loop) { await server.run() }
        let failure = await withTaskCancellationHandler {
            await serving.value
        } onCancel: {
            close()
        }
        if let failure { throw self.failure(failure) }
    }

    /// Begins accepting on all shards, or on none if a shard fails.
    private func beginServing() throws(SocketError) {
        var begun: [Listener] = []
        do throws(WaitFailure) {
            try require(.stream)
            for shard in shards {
                try shard.source.beginReading()
                begun.append(shard)
            }
        } catch {
            for shard in begun { shard.source.endReading() }
            throw failure(error.cause)
        }
    }
}
