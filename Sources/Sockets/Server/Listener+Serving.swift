public import Logging

// A whole server in one call.
extension Listener {
    /// Serves callers until the task is cancelled: `handler` runs for each of them, all at once.
    ///
    /// ```swift
    /// try await Listener(on: .tcp(port: 51423)).serve { connection in
    ///     for try await line in connection.lines { try await connection.write("\(line)\n") }
    /// }
    /// ```
    ///
    /// A handler's task runs on the loop that waits for its connection, which costs the least:
    /// nothing in it may block its thread. If the listener is sharded, that is the loop which
    /// accepted the caller; otherwise the loops take turns. When the handler returns or throws, its connection is
    /// closed; what it throws is logged and concerns nobody else. Callers that hang up early are
    /// passed over, and while descriptors run short, the others wait in the queue.
    ///
    /// When the task is cancelled, or the listener closed, nobody is accepted any more, and the
    /// handlers, which do not notice, have until the end of `grace` to finish. Those that remain are
    /// then cancelled and their connections closed, and `serve` returns when they have ended. The
    /// listener is closed afterwards.
    ///
    /// - Parameters:
    ///   - limits: how many connections at once, and how long they may be idle.
    ///   - grace: how long handlers may take to finish at the end; zero is not at all.
    ///   - logger: told of errors of handlers (`.info` if the connection failed, `.warning` for all
    ///     others) and of shortages (`.warning`).
    ///   - handler: what is done with a connection.
    /// - Throws: `.closed` if the listener is, `.busy` while another task accepts from it, and
    ///   `.system` if the socket itself is broken.
    public func serve(
        limits: ServeOptions = ServeOptions(), grace: Duration = .seconds(10),
        logger: Logger = Logger(label: "sockets.serve"),
        _ handler: @escaping @Sendable (Connection) async throws -> Void
    ) async throws(SocketError) {
        try beginServing()
        let server = Server(self, limits, grace: grace, logger, handler)
        // Cancelling this task must not reach the handlers: so they are another's children, which
        // has this one's priority and task-local values.
        let serving = Task(executorPreference: source.loop) { await server.run() }
        let broken = await withTaskCancellationHandler {
            await serving.value
        } onCancel: {
            close()
        }
        if let broken { throw failure(broken) }
    }

    /// Holds the reading direction of all sockets, or of none.
    private func beginServing() throws(SocketError) {
        var held: [Listener] = []
        do throws(EndOfWait) {
            for shard in shards {
                try shard.source.begin(.reading)
                held.append(shard)
            }
        } catch {
            for shard in held { shard.source.end(.reading) }
            throw failure(error.cause)
        }
    }
}
