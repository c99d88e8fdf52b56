internal import Logging
internal import Synchronization

/// One run of `serve`: accepts until the listener is closed, and sees the handlers out.
final class Server: Sendable {
    private let listener: Listener
    private let limits: ServeOptions
    private let grace: Duration
    private let logger: Logger
    private let handler: @Sendable (Connection) async throws -> Void
    private let places: ConnectionSlots
    /// How many sockets still accept callers.
    private let accepting: Atomic<Int>
    /// Why the first socket broke, if one did.
    private let failure = Lock<SocketError.Cause?>(nil)
    /// Rung when a socket accepts no longer, and when a connection has been closed afterwards.
    private let progress = Wakeup()

    init(
        _ listener: Listener, _ limits: ServeOptions, grace: Duration, _ logger: Logger,
        _ handler: @escaping @Sendable (Connection) async throws -> Void
    ) {
        self.listener = listener
        self.limits = limits
        self.grace = grace
        self.logger = logger
        self.handler = handler
        places = ConnectionSlots(limits.maximumConnections)
        accepting = Atomic(listener.shards.count)
    }

    /// Returns when all handlers have ended; with the reason if a socket broke.
    ///
    /// Whoever calls this has begun to read from the sources of all sockets, which ends when no more
    /// callers are accepted: so the descriptors are released before the handlers are seen out.
    func run() async -> SocketError.Cause? {
        await withDiscardingTaskGroup { shards in
            for shard in listener.shards {
                shards.addTask(executorPreference: shard.source.loop) { await self.serve(shard) }
            }
            await awaitAcceptors()
            await awaitHandlers()
            // Reaches the handlers, which are children of these children.
            shards.cancelAll()
        }
        return failure.withLock { $0 }
    }

    /// Serves the callers of one socket, and returns when they have gone.
    private func serve(_ shard: Listener) async {
        await withDiscardingTaskGroup { handlers in
            let reason = await shard.source.withCancellationScope {
                await accept(from: shard, into: &handlers)
            }
            if reason != .closed { failure.withLock { $0 = $0 ?? reason } }
            // One that is broken ends them all: its callers would find nobody.
            listener.close()
            shard.source.end(.reading)
            accepting.subtract(1, ordering: .releasing)
            progress.ring()
        }
    }

    /// Accepts callers, and tells why it does so no longer.
    private func accept(
        from shard: Listener, into handlers: inout DiscardingTaskGroup
    ) async -> SocketError.Cause {
        var acceptor = Acceptor(shard, into: places, logger: logger)
        while true {
            do throws(EndOfWait) {
                let connection = try await acceptor.next {
                    shard.isSharded ? shard.source.loop : shard.group.nextInTurn()
                }
                handlers.addTask(executorPreference: connection.source.loop) {
                    await self.handle(connection)
                }
            } catch {
                return error.cause
            }
        }
    }

    private func awaitAcceptors() async {
        while true {
            progress.reset()
            guard accepting.load(ordering: .acquiring) > 0 else { return }
            await progress.wait(on: listener.source.loop)
        }
    }

    /// Lets the handlers finish, until the grace is over.
    private func awaitHandlers() async {
        var deadline = WaitDeadline(TimeLimit(grace))
        let end = deadline.begin()
        while !deadline.hasPassed {
            progress.reset()
            guard places.taken > 0 else { return }
            await places.awaitLeave(
                progress, atLeast: 1, until: end, on: listener.source.loop)
        }
        let rest = places.taken
        guard rest > 0 else { return }
        logger.warning(
            "closing connections whose handlers have not finished in time",
            metadata: ["address": "\(listener.localAddress)", "connections": "\(rest)"])
    }

    private func handle(_ connection: Connection) async {
        if limits.idle != .never {
            connection.readTimeout = limits.idle
            connection.writeTimeout = limits.idle
        }
        do {
            try await connection.source.withCancellationScope(closing: true) {
                try await handler(connection)
            }
        } catch {
            report(error, of: connection)
        }
        connection.close()
        places.leave()
    }

    private func report(_ error: any Error, of connection: Connection) {
        let ours = error as? SocketError
        var metadata: Logger.Metadata = [
            "address": "\(listener.localAddress)", "peer": "\(connection.remoteAddress)",
            // What a handler throws may quote its peer, who shall not write into a log or to a
            // terminal what he likes.
            "error": "\(ours?.firstLine ?? TerminalText.escaped("\(error)"))",
        ]
        // A record is one line.
        if let report = ours?.stallReport {
            metadata["verdict"] = "\(report.verdict.code)"
            metadata["evidence"] = "\(report.evidence)"
        }
        logger.log(level: ours == nil ? .warning : .info, "handler failed", metadata: metadata)
    }
}
