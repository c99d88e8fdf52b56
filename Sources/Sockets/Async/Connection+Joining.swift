internal import Synchronization
internal import SystemPackage

extension Connection {
    /// Forwards all bytes between two connections in both directions, until both streams have
    /// ended.
    ///
    /// ```swift
    /// try await listener.serve { client in
    ///     let server = try await Connection(to: .tcp("db.example", port: 5432))
    ///     try await client.join(server, idleTimeout: .seconds(300))
    /// }
    /// ```
    ///
    /// The call also forwards half-closes and resets:
    ///
    /// - If a peer half-closes, the other connection is half-closed. The opposite direction goes
    ///   on.
    /// - If a connection breaks, the other one is reset, so that its peer does not take a broken
    ///   stream for a complete one. Later calls on that connection throw `.connectionAbort`,
    ///   because this side reset it. Unix sockets have no reset. The bytes that arrived before the
    ///   connection broke are forwarded first, so a peer that does not read delays the reset.
    /// - If a connection breaks after its peer has half-closed, the other connection is reset only
    ///   if the other peer has received all bytes. A reset would discard the rest.
    ///
    /// Bytes that were received before the call are forwarded first. A peer that does not read
    /// stops the other peer from sending. Between two connections without TLS, the kernel moves
    /// large amounts of data through a pipe without copying it: splice(2). An idle join holds no
    /// pipe. The call closes neither connection. Descriptors that a Unix peer passes (`SCM_RIGHTS`)
    /// are not forwarded.
    ///
    /// No other task can read from the connections meanwhile, and writes of other tasks wait until
    /// the call ends. If the call ends early, no received bytes are lost. The next read returns the
    /// bytes that were received but not forwarded.
    ///
    /// - Parameters:
    ///   - other: The other connection.
    ///   - idleTimeout: How long both directions may be silent at the same time, or `nil` for the
    ///     ``readTimeout`` of this connection. The call ignores the other limits of the
    ///     connections.
    /// - Returns: The number of bytes that were forwarded to `other`, and the number of bytes that
    ///   were returned from `other`.
    /// - Throws: ``SocketError`` with one of these causes. The error names the connection that
    ///   failed. ``SocketError/bytesTransferred`` is the number of bytes that were forwarded to
    ///   `other`, and ``SocketError/bytesReturned`` is the number of bytes that were returned from
    ///   `other`:
    ///   - ``SocketError/Cause/system(_:)`` if one of the connections broke, or if a peer closed
    ///     its connection before it had received all bytes.
    ///   - ``SocketError/Cause/tls(_:)`` if TLS failed on one of the connections.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if no bytes moved in either direction for too
    ///     long.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write to one of the connections
    ///     ended part-way.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `other` is this connection.
    ///   - ``SocketError/Cause/busy`` if another task is already reading from one of the
    ///     connections.
    ///   - ``SocketError/Cause/closed`` if one of the connections was closed on this side.
    @discardableResult
    public func join(
        _ other: Connection, idleTimeout: TimeLimit? = nil
    ) async throws(SocketError) -> (forwarded: Int, returned: Int) {
        guard other !== self else {
            throw failure(.join, .invalidInput("a connection cannot be joined to itself"))
        }
        let idle = IdleLimit(idleTimeout ?? readTimeout)
        // Claim the writing directions in a fixed order. Otherwise two joins of the same
        // connections could wait for each other.
        let isFirst = ObjectIdentifier(self) < ObjectIdentifier(other)
        let (first, second) = isFirst ? (self, other) : (other, self)
        var deadline = Deadline(idle.limit)
        try await first.beginWriting(&deadline, for: .join)
        defer { first.source.endWriting() }
        try await second.beginWriting(&deadline, for: .join)
        defer { second.source.endWriting() }
        // Claim the reading directions last, as in `copy`.
        try begin(.join)
        defer { endJoin() }
        try other.begin(.join)
        defer { other.endJoin() }
        for connection in [self, other] where connection.isIncomplete {
            throw connection.failure(.write, .incompleteWrite)
        }
        for connection in [self, other] { connection.scanner.stopSkipping() }
        let result = await moveBothWays(other, idle)
        guard let failure = result.failure else { return (result.forwarded, result.returned) }
        throw failure.with(
            bytesTransferred: result.forwarded, bytesReturned: result.returned,
            unsentRequestBytes: result.lost)
    }

    /// Releases the reading direction after a join.
    ///
    /// The caller then releases the writing direction.
    private func endJoin() {
        // Mark reading and writing as ready. The join cleared both marks, but its last step may
        // have tested only one of them, and no new event would set the other mark.
        source.reading.word.setReady()
        source.writing.word.setReady()
        source.endReading()
    }

    /// What a join has done.
    private struct JoinResult: Sendable {
        var forwarded = 0
        var returned = 0
        var lost = 0
        var failure: SocketError?
    }

    /// The result of one of the child tasks of a join.
    private struct JoinEvent: Sendable {
        let direction: JoinState.Direction
        /// How the direction ended, or `nil` if the task that watched a connection was cancelled.
        let end: JoinState.End?
        var forwarded = 0
        var lost = 0
    }

    /// Runs each direction as a child task on the loop of the connection from which it reads.
    private func moveBothWays(_ other: Connection, _ idle: IdleLimit) async -> JoinResult {
        PipePool.beginJoin()
        defer { PipePool.endJoin() }
        source.notifyOfHangups(other.source)
        defer { source.stopNotifying(other.source) }
        other.source.notifyOfHangups(source)
        defer { other.source.stopNotifying(source) }
        let maySplice = prepareToSplice() && other.prepareToSplice()
        return await withTaskGroup(of: JoinEvent.self) { tasks in
            func connection(_ side: JoinState.Side) -> Connection { side == .this ? self : other }
            for direction in [JoinState.Direction.forward, .back] {
                let origin = connection(direction.origin)
                let destination = connection(direction.destination)
                tasks.addTask(executorPreference: origin.source.loop) {
                    await origin.forward(direction, to: destination, idle, maySplice)
                }
            }
            var state = JoinState()
            var result = JoinResult()
            while let event = await tasks.next() {
                result.lost += event.lost
                switch event.direction {
                case .forward: result.forwarded += event.forwarded
                case .back: result.returned += event.forwarded
                }
                guard let end = event.end else { continue }
                let actions = state.note(end, of: event.direction)
                // Cancel the watching tasks before a half-close, which looks like a hang-up to
                // them.
                if state.isOver { tasks.cancelAll() }
                for action in actions {
                    state.perform(action, self, other)
                    guard case .watch(let side) = action else { continue }
                    let watched = connection(side)
                    let direction = event.direction
                    tasks.addTask(executorPreference: watched.source.loop) {
                        await watched.watch(direction)
                    }
                }
            }
            result.failure = state.failure
            return result
        }
    }

    /// Makes the socket nonblocking for splice(2).
    ///
    /// Returns `false` if other code shares the socket, because the change would affect that code
    /// too.
    private func prepareToSplice() -> Bool {
        guard !source.isShared.load(ordering: .acquiring) else { return false }
        return (try? makeNonblocking()) != nil
    }

    private var joinEnd: JoinEnd {
        JoinEnd(
            descriptor: source.descriptor, family: family, encryption: tlsSession,
            connectionError: connectionError)
    }

    /// Moves the bytes from this connection until the direction ends.
    private func forward(
        _ direction: JoinState.Direction, to destination: Connection, _ idle: IdleLimit,
        _ maySplice: Bool
    ) async -> JoinEvent {
        var bytes = JoinDirection(
            from: joinEnd, to: destination.joinEnd, maySplice: maySplice)
        // An error that concerns the whole join names the connection on which the program called
        // `join`.
        let called = direction == .forward ? self : destination
        let end = await move(&bytes, to: destination, idle, called)
        bytes.reclaim(into: &input)
        return JoinEvent(
            direction: direction, end: end, forwarded: bytes.forwarded, lost: bytes.lost)
    }

    private func move(
        _ bytes: inout JoinDirection, to destination: Connection, _ idle: IdleLimit,
        _ called: Connection
    ) async -> JoinState.End {
        while true {
            do throws(WaitFailure) {
                try await source.yieldIfNeeded()
            } catch {
                return .stopped(called.failure(.join, error.cause))
            }
            // Without this check, a join whose peers always keep up could not be cancelled.
            if source.shouldStop { return .stopped(called.failure(.join, .cancelled)) }
            source.reading.word.clear()
            destination.source.writing.word.clear()
            let step = bytes.step(
                &input, isAtEnd: &isAtEnd, scratch: source.scratch,
                isSignalBlocked: source.loop.isCurrent)
            // Report `closed`, because the shutdown in `close` looks like the end of the stream.
            if isClosed { return .stopped(failure(.read, .closed)) }
            if destination.isClosed { return .stopped(destination.failure(.write, .closed)) }
            let isReadyAgain: Bool
            switch step {
            case .moved(let isDrained):
                idle.touch()
                // No event follows a hang-up or an error, so try again at once in that case.
                guard isDrained, !source.staysReadable else { continue }
                isReadyAgain = await source.wait(.reading, until: idle.end)
            case .blocked(let side):
                if idle.hasPassed { return .stopped(called.failure(.join, idle.cause)) }
                switch side {
                case .origin:
                    isReadyAgain = await source.wait(.reading, until: idle.end)
                case .destination:
                    isReadyAgain = await destination.source.wait(.writing, until: idle.end)
                }
            case .ended:
                return .ended
            case .failed(let error, .origin):
                return .readFailed(failure(.read, .system(error)))
            case .failed(let error, .destination):
                return .writeFailed(destination.failure(.write, .system(error)))
            }
            guard isReadyAgain else { return .stopped(called.failure(.join, .cancelled)) }
        }
    }

    /// Waits until the connection breaks or the task is cancelled.
    ///
    /// The direction from the connection has ended, so nothing else reads from it.
    private func watch(_ direction: JoinState.Direction) async -> JoinEvent {
        while true {
            source.reading.word.clear()
            if isClosed {
                return JoinEvent(direction: direction, end: .stopped(failure(.read, .closed)))
            }
            if let error = System.takeBreakage(of: source.descriptor, family) {
                let failure = failure(.write, .system(error))
                return JoinEvent(direction: direction, end: .broke(failure))
            }
            guard await source.wait(.reading, until: .max) else {
                return JoinEvent(direction: direction, end: nil)
            }
        }
    }
}
