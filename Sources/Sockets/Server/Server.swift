internal import Logging
internal import Synchronization

/// A call of `serve`, which accepts clients until the listener is closed and then waits for the
/// handlers.
final class Server: Sendable {
    private let listener: Listener
    private let options: ServeOptions
    private let handler: @Sendable (Connection) async throws -> Void
    private let slots: ConnectionSlots
    /// The number of handlers that have not returned.
    private let runningHandlers = Atomic(0)
    /// The number of shards that still accept.
    private let acceptingShards: Atomic<Int>
    /// The cause of the first shard failure, if any.
    private let failure = Lock<SocketError.Cause?>(nil)
    /// The wakeup that resumes `run`, first when a shard stops accepting, and later when a
    /// connection closes.
    private let progress = Wakeup()

    init(
        _ listener: Listener, _ options: ServeOptions,
        _ handler: @escaping @Sendable (Connection) async throws -> Void
    ) {
        self.listener = listener
        self.options = options
        // Wrap the handler only if the listener uses TLS, so that plain connections have no extra
        // cost.
        let handshakeTimeout = options.handshakeTimeout
        self.handler =
            if let tls = listener.tls {
                { connection in
                    // Do not call `startTLS`, because its frame would stay allocated while the task
                    // waits for the client.
                    try connection.prepareTLS(tls, to: nil)
                    try await connection.handshake(timeout: handshakeTimeout)
                    try await handler(connection)
                }
            } else {
                handler
            }
        slots = ConnectionSlots(options.maximumConnections)
        acceptingShards = Atomic(listener.shards.count)
    }

    /// Serves until all handlers have ended, and returns the cause if a socket failed.
    ///
    /// The caller must have called `beginReading()` on the source of every shard, which gives this
    /// server the exclusive right to accept. The server calls `endReading()` when the shard stops
    /// accepting, so that the descriptor is released before the handlers end.
    func run() async -> SocketError.Cause? {
        await withDiscardingTaskGroup { shards in
            for shard in listener.shards {
                shards.addTask(executorPreference: shard.source.loop) { await self.serve(shard) }
            }
            await waitForAcceptors()
            await waitForHandlers()
            // This also cancels the handlers, because the handlers are children of the shards'
            // tasks.
            shards.cancelAll()
        }
        return failure.withLock { $0 }
    }

    /// Serves the clients of one shard, and returns when their handlers have ended.
    private func serve(_ shard: Listener) async {
        await withDiscardingTaskGroup { handlers in
            let cause = await shard.source.withCancellationScope {
                await accept(from: shard, into: &handlers)
            }
            if cause != .closed { failure.withLock { $0 = $0 ?? cause } }
            // If a shard fails, stop the other shards too, because the kernel would still assign
            // clients to the failed shard.
            listener.close()
            shard.source.endReading()
            acceptingShards.subtract(1, ordering: .releasing)
            progress.wake()
        }
    }

    /// Accepts clients until accepting fails, and returns the cause.
    private func accept(
        from shard: Listener, into handlers: inout DiscardingTaskGroup
    ) async -> SocketError.Cause {
        var acceptor = Acceptor(shard, into: slots, logger: options.logger)
        while true {
            do throws(WaitFailure) {
                let connection = try await acceptor.next {
                    shard.isSharded ? shard.source.loop : shard.group.nextRoundRobin()
                }
                runningHandlers.add(1, ordering: .relaxed)
                handlers.addTask(executorPreference: connection.source.loop) {
                    await self.handle(connection)
                }
            } catch {
                return error.cause
            }
        }
    }

    private func waitForAcceptors() async {
        while true {
            progress.reset()
            guard acceptingShards.load(ordering: .acquiring) > 0 else { return }
            await progress.wait(on: listener.source.loop)
        }
    }

    /// Waits until the handlers have ended or the grace period has passed.
    private func waitForHandlers() async {
        // A `withTimeLimit` does not shorten the grace period, because the handlers need time to
        // return after the limit has ended their operations.
        let end = Deadline.instant(of: TimeLimit(options.gracePeriod))
        while System.continuousNanoseconds() < end {
            progress.reset()
            guard slots.used > 0 else { return }
            await slots.waitForRelease(
                progress, ifAtLeast: 1, until: end, on: listener.source.loop)
        }
        // Do not count connections whose handlers have returned, because their clients have their
        // answers.
        let remaining = runningHandlers.load(ordering: .relaxed)
        guard remaining > 0 else { return }
        options.logger.warning(
            "closing connections because their handlers did not finish in time",
            metadata: ["address": "\(listener.localAddress)", "connections": "\(remaining)"])
    }

    private func handle(_ connection: Connection) async {
        if options.idleTimeout != .never {
            connection.readTimeout = options.idleTimeout
            connection.writeTimeout = options.idleTimeout
        }
        do {
            try await connection.source.withCancellationScope(closing: true) {
                do {
                    defer { runningHandlers.subtract(1, ordering: .relaxed) }
                    try await handler(connection)
                }
                // Discard the rest, as `finish` does. Otherwise a client that is still sending
                // would be reset and could lose the answer. Most clients have ended the stream, so
                // check this first to avoid an async call.
                if !connection.isIdleAtEnd { await connection.endAndDiscard(.seconds(2)) }
            }
        } catch {
            log(error, of: connection)
        }
        connection.close()
        slots.release()
    }

    private func log(_ error: any Error, of connection: Connection) {
        // Check `listener.tls` too, because a handler of a plain listener may start TLS itself.
        let isHandshake =
            listener.tls != nil && (error as? SocketError)?.operation == .startTLS
        options.logger.handlerFailed(
            error, on: listener.localAddress, local: connection.localAddress,
            remote: connection.remoteAddress, isHandshake: isHandshake)
    }
}
