internal import Logging
internal import Synchronization

/// One run of `serve`: accepts until the listener is closed, and sees the handlers out.
final class Server: Sendable {
    private let listener: Listener
    private let limits: ServeLimits
    private let grace: Duration
    private let logger: Logger
    private let handler: @Sendable (Connection) async throws -> Void
    /// How many connections are open. Whoever leaves rings the listener's `relief`: there may be
    /// somebody who waits for room, for a descriptor, or for the last one to leave.
    private let count = Atomic<Int>(0)

    init(
        _ listener: Listener, _ limits: ServeLimits, grace: Duration, _ logger: Logger,
        _ handler: @escaping @Sendable (Connection) async throws -> Void
    ) {
        self.listener = listener
        self.limits = limits
        self.grace = grace
        self.logger = logger
        self.handler = handler
    }

    /// Returns when all handlers have ended; with the reason if the socket broke.
    ///
    /// Whoever calls this has begun to read from the listener's source, which ends when no more
    /// callers are accepted: so the descriptor is released before the handlers are seen out.
    func run() async -> SocketError.Cause? {
        await withDiscardingTaskGroup { handlers in
            let reason = await listener.source.withCancellationScope {
                await accept(into: &handlers)
            }
            listener.close()
            listener.source.end(.reading)
            await awaitHandlers()
            handlers.cancelAll()
            return reason == .closed ? nil : reason
        }
    }

    /// Accepts callers, and tells why it does so no longer.
    private func accept(into handlers: inout DiscardingTaskGroup) async -> SocketError.Cause {
        var acceptor = Acceptor(listener, logger: logger)
        while true {
            do throws(EndOfWait) {
                try await awaitRoom()
                let connection = try await acceptor.next { listener.group.nextInTurn() }
                count.add(1, ordering: .relaxed)
                handlers.addTask(executorPreference: connection.source.loop) {
                    await self.handle(connection)
                }
            } catch {
                return error.cause
            }
        }
    }

    private func awaitRoom() async throws(EndOfWait) {
        guard let maximum = limits.maximumConnections else { return }
        while true {
            listener.relief.reset()
            guard count.load(ordering: .acquiring) >= max(1, maximum) else { return }
            guard !listener.isClosed else { throw EndOfWait(.closed) }
            await listener.relief.wait(on: listener.source.loop)
        }
    }

    /// Lets the handlers finish, until the grace is over.
    private func awaitHandlers() async {
        var deadline = AsyncDeadline(TimeLimit(grace))
        let end = deadline.begin()
        while !deadline.hasPassed {
            listener.relief.reset()
            guard count.load(ordering: .acquiring) > 0 else { return }
            await listener.relief.wait(until: end, on: listener.source.loop)
        }
        let rest = count.load(ordering: .acquiring)
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
        count.subtract(1, ordering: .acquiringAndReleasing)
        listener.relief.ring()
    }

    private func report(_ error: any Error, of connection: Connection) {
        logger.log(
            level: error is SocketError ? .info : .warning, "handler failed",
            metadata: [
                "address": "\(listener.localAddress)", "peer": "\(connection.remoteAddress)",
                "error": "\(error)",
            ])
    }
}
