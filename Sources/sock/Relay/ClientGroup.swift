import Sockets

/// The clients of `sock -lk`, which all receive standard input and whose data goes to standard
/// output.
///
/// Input is read only while a client is connected. Bytes that were read but not sent when the last
/// client left are sent to the next client. After the end of input, new clients receive
/// nothing. `Broadcaster` decides how far a client may fall behind. Tasks serve the clients.
final class ClientGroup: Sendable {
    private let options: RelayOptions
    private let input: InputReader
    private let output: OutputQueue
    private let tls: TLSServer?
    private let ticker: Ticker
    private let state = Monitor(State())
    /// A stream that yields a value when all clients may have become ready for more input.
    private let (changes, hasChanged) = AsyncStream.makeStream(
        of: Void.self, bufferingPolicy: .bufferingNewest(1))

    private struct State {
        var broadcaster = Broadcaster()
        var inputQueues: [Broadcaster.ClientID: AsyncStream<[UInt8]>.Continuation] = [:]
        var hasInput = false
        var isInputEnded = false
        var clients: [Broadcaster.ClientID: Client] = [:]
        /// The byte counts of the clients that have disconnected.
        var finished = ByteCounts()
        var isOver = false
        var isStopped = false
    }

    fileprivate struct ByteCounts {
        var sent = 0
        var received = 0
    }

    /// One client, with its connection and the input for it.
    fileprivate struct Client: Sendable {
        let connection: Connection
        let id: Broadcaster.ClientID
        let input: AsyncStream<[UInt8]>
        /// A Boolean value that indicates whether the client connected after the end of input.
        let isLate: Bool
        let clock = ActivityClock()
        let counts = Monitor(ByteCounts())
        /// The message about the failure that ended the connection; nil if no failure did.
        let failure = Monitor<String?>(nil)
        let schedule: Monitor<RelaySchedule>
        /// A stream that yields a value when the next step of the schedule may have changed.
        ///
        /// It finishes when the relay is over.
        let changes: AsyncStream<Void>
        let hasChanged: AsyncStream<Void>.Continuation

        init(
            _ connection: Connection, _ id: Broadcaster.ClientID, _ input: AsyncStream<[UInt8]>,
            isLate: Bool, _ schedule: RelaySchedule
        ) {
            self.connection = connection
            self.id = id
            self.input = input
            self.isLate = isLate
            self.schedule = Monitor(schedule)
            (changes, hasChanged) = AsyncStream.makeStream(
                of: Void.self, bufferingPolicy: .bufferingNewest(1))
        }
    }

    init(
        _ options: RelayOptions, _ input: InputReader, _ output: OutputQueue,
        _ tls: TLSServer? = nil
    ) throws(Failure) {
        self.options = options
        self.tls = tls
        self.input = input
        self.output = output
        ticker = try Ticker()
    }

    /// Serves clients until the task is cancelled, which disconnects them after at most
    /// `timeToEnd`.
    ///
    /// - Throws: `SocketError` if a listener fails.
    func run(_ listeners: [Listener]) async throws {
        StatusLine.show(self, regularly: options.showsStatus)
        defer {
            state.update { $0.isOver = true }
            StatusLine.end()
        }
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await self.broadcastInput() }
                try await serve(listeners)
                tasks.cancelAll()
            }
        } onCancel: {
            let clients = state.update { state in
                state.isStopped = true
                return Array(state.clients.values)
            }
            for client in clients { client.hasChanged.yield() }
        }
    }

    private func serve(_ listeners: [Listener]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for listener in listeners {
                tasks.addTask {
                    try await listener.serve(
                        options: ServeOptions(
                            gracePeriod: self.options.timeToEnd * 2, logger: ServerLogHandler.logger
                        )
                    ) {
                        await self.serve($0)
                    }
                }
            }
            try await tasks.waitForAll()
        }
    }

    private func serve(_ connection: Connection) async {
        Log.connection(from: connection.remoteAddress, if: options.reportsConnections)
        guard await startTLS(with: connection) else { return }
        let client = addClient(connection)
        await relay(client)
        remove(client)
        let counts = client.counts.update { $0 }
        state.update { state in
            state.finished.sent += counts.sent
            state.finished.received += counts.received
        }
        let failure = client.failure.update { $0 }
        guard failure != nil || options.reportsConnections else { return }
        await waitUntilWritten()
        if let failure { Log.message(failure) }
        guard options.reportsConnections else { return }
        Log.message(
            "\(connection.remoteAddress.nameOfPeer) disconnected; "
                + TransferText.both(
                    sent: counts.sent, received: counts.received, in: client.clock.lastActivity))
    }

    /// Starts TLS if the group uses it, and returns false after reporting that the handshake
    /// failed.
    private func startTLS(with connection: Connection) async -> Bool {
        do {
            try await tls?.start(on: connection)
            return true
        } catch {
            if !Task.isCancelled { Log.message(Failure(any: error).message) }
            return false
        }
    }

    /// Waits until the received bytes are written.
    ///
    /// If the output is blocked, the wait ends after a short time. If a signal ends the program,
    /// there is no wait.
    private func waitUntilWritten() async {
        if isStopped { return }
        let (ends, end) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        output.perform { end.yield() }
        ticker.wake(end, after: Self.longestWait)
        var iterator = ends.makeAsyncIterator()
        await iterator.next()
    }

    /// The maximum delay of the message that a client has disconnected.
    ///
    /// The message waits until the client's bytes are written.
    private static let longestWait = Duration.milliseconds(500)

    private func addClient(_ connection: Connection) -> Client {
        let (input, queue) = AsyncStream.makeStream(of: [UInt8].self)
        let (id, isLate) = state.update { state in
            let id = state.broadcaster.addClient()
            if state.isInputEnded {
                queue.finish()
            } else {
                state.inputQueues[id] = queue
            }
            return (id, state.isInputEnded)
        }
        hasChanged.yield()
        let schedule = RelaySchedule(options, endsWithPeer: StandardStreams.input.isTerminal)
        let client = Client(connection, id, input, isLate: isLate, schedule)
        state.update { $0.clients[id] = client }
        return client
    }

    private func remove(_ client: Client) {
        client.connection.close()
        state.update { state in
            state.broadcaster.removeClient(client.id)
            state.clients[client.id] = nil
            state.inputQueues.removeValue(forKey: client.id)?.finish()
        }
        hasChanged.yield()
    }
}

// MARK: Progress

extension ClientGroup: StatusSource {
    /// Returns the totals of all clients, and the number of stuck clients for each verdict.
    func status(sampling duration: Duration) -> String {
        Worker.sleep(for: duration)
        let (clients, finished) = state.update { (Array($0.clients.values), $0.finished) }
        var (sent, received) = (finished.sent, finished.received)
        var verdicts: [String: Int] = [:]
        for client in clients {
            let counts = client.counts.update { $0 }
            sent += counts.sent
            received += counts.received
            guard let verdict = try? client.connection.diagnose().verdict, verdict.isStuck else {
                continue
            }
            verdicts[verdict.code, default: 0] += 1
        }
        let stuck = verdicts.sorted { $0.key < $1.key }.map { ", \($0.value) \($0.key)" }
        return
            "clients: \(clients.count)\(stuck.joined()); "
            + TransferText.both(sent: sent, received: received)
    }

    var isOver: Bool { state.update { $0.isOver } }

    private var isStopped: Bool { state.update { $0.isStopped } }
}

// MARK: One client

extension ClientGroup {
    private func relay(_ client: Client) async {
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { await self.send(to: client) }
            tasks.addTask { await self.receive(from: client) }
            await supervise(client)
            tasks.cancelAll()
        }
        await endUnread(client.connection)
        client.connection.close()
    }

    /// Discards what a client still sends, for a short time, if the client's bytes were not all
    /// read, for example because the output is blocked.
    ///
    /// Closing a connection with unread bytes would reset it.
    private func endUnread(_ connection: Connection) async {
        guard let report = try? connection.diagnose(), report.statistics.receiveQueue ?? 0 > 0
        else { return }
        await connection.finish(timeout: TimeLimit(options.timeToEnd))
    }

    /// Does what the client's schedule says until the relay ends.
    private func supervise(_ client: Client) async {
        var changes = client.changes.makeAsyncIterator()
        repeat {
            if isStopped { return }
            let clock = client.clock
            let (step, isOnlySending) = client.schedule.update {
                let step = $0.next(
                    at: clock.now, lastActivity: clock.lastActivity,
                    lastReceive: clock.lastReceive)
                return (step, $0.isOnlySending)
            }
            switch step {
            case .finish:
                return
            case .endIdle:
                let name = client.connection.remoteAddress.nameOfPeer
                let timeout = (options.idleTimeout ?? .zero).brief
                client.failure.update {
                    $0 = $0 ?? "disconnected \(name): both directions were silent for \(timeout)"
                }
                return
            case .halfClose:
                let result = Result { () throws(SocketError) in
                    try client.connection.shutdown(.write)
                }
                client.schedule.update { $0.didTryToHalfClose(result, at: clock.now) }
                client.hasChanged.yield()
            case .checkSendQueue:
                let queue = (try? client.connection.diagnose())?.statistics.sendQueue ?? 0
                client.schedule.update { $0.didCheckSendQueue(at: clock.now, isEmpty: queue == 0) }
                client.hasChanged.yield()
            case .wait(var limit):
                if isOnlySending {
                    if isGone(client) { return }
                    limit = min(limit ?? Self.checkInterval, Self.checkInterval)
                }
                if let limit { ticker.wake(client.hasChanged, after: limit) }
            }
        } while await changes.next() != nil && !Task.isCancelled
    }

    /// How often to find out whether a client that sends nothing more is gone.
    private static let checkInterval = Duration.seconds(1)

    /// Returns whether a client that has half-closed can receive no more input.
    ///
    /// A TCP client that has closed looks as if it had only half-closed, until it answers a
    /// keep-alive probe of the kernel with a reset.
    private func isGone(_ client: Client) -> Bool {
        try? client.connection.setOption(.keepAlive, to: true)
        try? client.connection.setOption(.keepAliveIdle, to: .seconds(60))
        let statistics = (try? client.connection.diagnose())?.statistics
        return statistics?.isHungUp ?? true
    }

    /// Copies the client's data to standard output until the client half-closes or closes.
    private func receive(from client: Client) async {
        do throws(SocketError) {
            while case let bytes = try await client.connection.receive(), !bytes.isEmpty {
                client.counts.update { $0.received += bytes.count }
                client.clock.didReceive()
                await output.write(bytes, from: client.id, after: announcement(of: client))
                // The relay may have ended while the output was blocked, so receive nothing more.
                if Task.isCancelled { return }
                client.clock.didWrite()
            }
            client.schedule.update { $0.peerDidEnd() }
            client.hasChanged.yield()
        } catch {
            disconnect(client, because: error)
        }
    }

    /// Returns an action that reports the client before its bytes are written; nil if nothing is
    /// reported.
    ///
    /// The action waits until all queued messages are written, including the one about the new
    /// client.
    private func announcement(of client: Client) -> (@Sendable () -> Void)? {
        guard options.reportsConnections else { return nil }
        return { [options] in
            if options.isVerbose {
                Log.message("from \(client.connection.remoteAddress.nameOfPeer):")
            }
            Log.queue.waitUntilWritten()
        }
    }

    /// Sends the whole input to the client.
    private func send(to client: Client) async {
        do {
            for await bytes in client.input {
                try await send(bytes, to: client)
            }
            guard !Task.isCancelled else { return }
            let hasInput = StandardStreams.input.isTerminal || state.update { $0.hasInput }
            let isEmpty = client.isLate || !hasInput
            client.schedule.update { $0.inputDidEnd(at: client.clock.now, isEmpty: isEmpty) }
            client.hasChanged.yield()
        } catch {
            disconnect(client, because: error)
        }
    }

    /// Sends bytes, and regularly checks whether the client stalls the broadcast.
    private func send(_ bytes: [UInt8], to client: Client) async throws {
        // Limit the time of each write. The broadcaster notices the beginning and the end of a
        // stall only between two writes, so it may notice each of them late by this time.
        let longest = Duration.milliseconds(500)
        let step = min(longest, options.sendStep ?? longest)
        var rest = bytes[...]
        while true {
            do throws(SocketError) {
                try await client.connection.write(rest.span.bytes, timeout: TimeLimit(step))
                return didSend(rest.count, to: client)
            } catch {
                guard case .timedOut = error.cause else { throw error }
                if error.bytesTransferred > 0 {
                    try client.connection.resumeWriting()
                    didSend(error.bytesTransferred, to: client)
                    rest = rest.dropFirst(error.bytesTransferred)
                }
            }
            let now = Self.start.duration(to: .now)
            guard !state.update({ $0.broadcaster.isStalled(by: client.id, at: now) }) else {
                throw Failure(
                    .otherFailure,
                    "disconnected \(client.connection.remoteAddress.nameOfPeer): it read nothing for "
                        + "\(Broadcaster.stallTimeout.brief) and held up the other clients")
            }
        }
    }

    private func didSend(_ count: Int, to client: Client) {
        client.clock.touch()
        client.counts.update { $0.sent += count }
        let isReady = state.update { state in
            state.broadcaster.didSend(count, to: client.id)
            return state.broadcaster.isReady
        }
        if isReady { hasChanged.yield() }
    }

    /// Closes one client's connection after an error, while the other clients stay connected.
    private func disconnect(_ client: Client, because error: any Error) {
        // Closing the connection or cancelling the task causes further errors, so do not report
        // these.
        guard !client.connection.isClosed, !Task.isCancelled else { return }
        client.connection.close()
        client.hasChanged.finish()
        let message = (error as? Failure)?.message ?? (error as? SocketError)?.firstLine
        client.failure.update { $0 = message ?? "\(error)" }
    }
}

// MARK: All clients

extension ClientGroup {
    private static let start = ContinuousClock.now

    private func broadcastInput() async {
        while await wait(until: { !$0.isEmpty }), let bytes = await input.next() {
            state.update { state in
                state.hasInput = true
                state.broadcaster.inputIsWaiting()
            }
            guard await wait(until: \.isReady) else { return }
            state.update { state in
                state.broadcaster.broadcast(bytes.count)
                for queue in state.inputQueues.values { queue.yield(bytes) }
            }
        }
        guard !Task.isCancelled else { return }
        state.update { state in
            state.isInputEnded = true
            if options.reportsConnections {
                Log.message("the input has ended: later clients receive nothing")
            }
            for queue in state.inputQueues.values { queue.finish() }
            state.inputQueues = [:]
        }
    }

    /// Waits until the broadcaster satisfies a condition, and returns false if the task is
    /// cancelled.
    private func wait(until isTrue: @Sendable (Broadcaster) -> Bool) async -> Bool {
        var changes = changes.makeAsyncIterator()
        while !state.update({ isTrue($0.broadcaster) }) {
            guard await changes.next() != nil else { return false }
        }
        return !Task.isCancelled
    }
}

extension Connection {
    /// Returns the received bytes, or an empty array at the end of the stream.
    ///
    /// The method allocates no memory while it waits.
    fileprivate func receive() async throws(SocketError) -> [UInt8] {
        do {
            return try await withReceived { bytes in
                bytes.withUnsafeBytes { Array($0) }
            } ?? []
        } catch {
            // The body throws nothing, so every error is a SocketError.
            throw error as? SocketError ?? SocketError(.read, .closed)
        }
    }
}
