internal import SystemPackage

extension SocketStream {
    /// Forwards all bytes between two streams in both directions, until both have ended.
    ///
    /// ```swift
    /// let server = try SocketStream(to: .tcp("db.example", port: 5432))
    /// try client.join(server, idleTimeout: .seconds(300))
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
    /// The call first forwards the written and received bytes in the buffers of the streams. A peer
    /// that does not read stops the other peer from sending. Between two connections without TLS,
    /// the kernel moves large amounts of data through a pipe without copying it: splice(2). For
    /// that, the call makes both sockets nonblocking until it ends. If a socket was duplicated or
    /// adopted in nonblocking mode, the call copies the bytes instead. The call closes neither
    /// socket. Descriptors that a Unix peer passes (`SCM_RIGHTS`) are not forwarded.
    ///
    /// One thread moves both directions, so they cannot deadlock. If the call ends early, no
    /// received bytes are lost. The next read returns the bytes that were received but not
    /// forwarded. The call blocks the thread; the async counterpart is
    /// ``Connection/join(_:idleTimeout:)``.
    ///
    /// - Parameters:
    ///   - other: The other stream.
    ///   - idleTimeout: How long both directions may be silent at the same time.
    /// - Returns: The number of bytes that were forwarded to `other`, and the number of bytes that
    ///   were returned from `other`.
    /// - Throws: ``SocketError`` with one of these causes. The error names the connection that
    ///   failed. ``SocketError/bytesTransferred`` is the number of bytes that were forwarded to
    ///   `other`, and ``SocketError/bytesReturned`` is the number of bytes that were returned from
    ///   `other`:
    ///   - ``SocketError/Cause/system(_:)`` if one of the connections broke, or if a peer closed
    ///     its connection before it had received all bytes.
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if a socket is not connected.
    ///   - ``SocketError/Cause/tls(_:)`` if TLS failed on one of the connections.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if no bytes moved in either direction for too
    ///     long.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write to one of the streams ended
    ///     part-way.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if both streams have the same socket, or if a
    ///     socket is not a stream or listens.
    ///   - ``SocketError/Cause/busy`` if another thread uses the TLS of one of the sockets.
    ///   - ``SocketError/Cause/closed`` if one of the sockets is closed.
    @discardableResult
    public func join(
        _ other: SocketStream, idleTimeout: TimeLimit = .never
    ) throws(SocketError) -> (forwarded: Int, returned: Int) {
        guard other.socket !== socket else {
            throw socket.failure(.join, .invalidInput("a socket cannot be joined to itself"))
        }
        try requireJoinable()
        try other.requireJoinable()
        guard socket.enter() else { throw socket.failure(.join, .closed) }
        defer { socket.leave() }
        guard other.socket.enter() else { throw other.socket.failure(.join, .closed) }
        defer { other.socket.leave() }
        // Without this check, the first read would fail, and the join would reset the other
        // connection.
        try socket.requireConnection(for: .join)
        try other.socket.requireConnection(for: .join)
        try socket.claimTLS(for: .join)
        defer { socket.unclaimTLS() }
        try other.socket.claimTLS(for: .join)
        defer { other.socket.unclaimTLS() }
        for stream in [self, other] { stream.scanner.stopSkipping() }

        let isNonblocking = socket.beginNonblocking()
        defer { if isNonblocking { socket.endNonblocking() } }
        let isOtherNonblocking = other.socket.beginNonblocking()
        defer { if isOtherNonblocking { other.socket.endNonblocking() } }
        // Block SIGPIPE once, and not for each splice(2).
        let block = PipeSignalBlock()
        defer { block.end() }
        PipePool.beginJoin()
        defer { PipePool.endJoin() }

        let maySplice = isNonblocking && isOtherNonblocking
        var forward = JoinDirection(from: joinEnd, to: other.joinEnd, maySplice: maySplice)
        var back = JoinDirection(from: other.joinEnd, to: joinEnd, maySplice: maySplice)
        let failure = move(&forward, &back, other, IdleLimit(idleTimeout))
        forward.reclaim(into: &input)
        back.reclaim(into: &other.input)
        guard let failure else { return (forward.forwarded, back.forwarded) }
        throw failure.with(
            bytesTransferred: forward.forwarded, bytesReturned: back.forwarded,
            unsentRequestBytes: forward.lost + back.lost)
    }

    /// Throws an error unless the stream can be joined.
    private func requireJoinable() throws(SocketError) {
        try socket.require(.stream, for: .join)
        try requireBuffer(for: .join)
        guard !isIncomplete else { throw socket.failure(.write, .incompleteWrite) }
    }

    private var joinEnd: JoinEnd {
        JoinEnd(
            descriptor: socket.descriptor, family: socket.family, encryption: socket.tlsSession,
            connectionError: socket.connectionError)
    }

    /// The result of one round over both directions.
    private struct Round {
        var hasMoved = false
        /// The events to wait for if no bytes have moved.
        var requests: [PollRequest] = []
    }

    /// Moves bytes until both directions have ended, and returns the error, if any.
    private func move(
        _ forward: inout JoinDirection, _ back: inout JoinDirection, _ other: SocketStream,
        _ idle: IdleLimit
    ) -> SocketError? {
        var state = JoinState()
        while true {
            // A join whose peers always keep up never waits, so check the limit here.
            if idle.scopeHasPassed { return socket.failure(.join, idle.cause) }
            var round = Round()
            let end = advance(&forward, to: other, state.isRunning(.forward), idle, &round)
            note(end, of: .forward, other, &state)
            if state.isOver { return state.failure }
            let otherEnd = other.advance(&back, to: self, state.isRunning(.back), idle, &round)
            note(otherEnd, of: .back, other, &state)
            if state.isOver { return state.failure }
            // Start another round if a direction has ended, because other events are then relevant.
            guard !round.hasMoved, end == nil, otherEnd == nil else { continue }
            if idle.hasPassed { return socket.failure(.join, idle.cause) }
            do throws(Errno) {
                try wait(for: round.requests, other.socket, idle)
            } catch {
                return socket.failure(.join, .system(error))
            }
        }
    }

    private func note(
        _ end: JoinState.End?, of direction: JoinState.Direction, _ other: SocketStream,
        _ state: inout JoinState
    ) {
        guard let end else { return }
        for action in state.note(end, of: direction) {
            state.perform(action, socket, other.socket)
        }
    }

    /// Moves bytes from this stream once.
    ///
    /// If the direction has ended, the method checks whether the connection has broken.
    ///
    /// Returns how the direction ended, or `nil` if it goes on.
    private func advance(
        _ direction: inout JoinDirection, to destination: SocketStream, _ isRunning: Bool,
        _ idle: IdleLimit, _ round: inout Round
    ) -> JoinState.End? {
        guard isRunning else {
            if socket.isClosed { return .stopped(socket.failure(.read, .closed)) }
            if let error = System.takeBreakage(of: socket.descriptor, socket.family) {
                return .broke(fail(.write, error))
            }
            // A Unix socket whose peer has closed cannot break any more, and poll(2) would report
            // the hang-up at once in every round.
            if socket.family != .unix || !socket.hasHungUp {
                round.requests.append(PollRequest(descriptor: socket.descriptor, .failure))
            }
            return nil
        }
        // The bytes that the program wrote to the destination earlier go before the forwarded
        // bytes.
        let step =
            destination.output.isEmpty
            ? direction.step(&input, isAtEnd: &isAtEnd, scratch: nil, isSignalBlocked: true)
            : direction.send(&destination.output)
        // Report `closed`, because the shutdown in `close` looks like the end of the stream.
        if socket.isClosed { return .stopped(socket.failure(.read, .closed)) }
        if destination.socket.isClosed {
            return .stopped(destination.socket.failure(.write, .closed))
        }
        switch step {
        case .moved(let isDrained):
            idle.touch()
            if isDrained {
                round.requests.append(PollRequest(descriptor: socket.descriptor, .readable))
            } else {
                round.hasMoved = true
            }
        case .blocked(.origin):
            round.requests.append(PollRequest(descriptor: socket.descriptor, .readable))
        case .blocked(.destination):
            round.requests.append(
                PollRequest(descriptor: destination.socket.descriptor, .writable))
        case .ended:
            return .ended
        case .failed(let error, .origin):
            return .readFailed(fail(.read, error))
        case .failed(let error, .destination):
            return .writeFailed(destination.fail(.write, error))
        }
        return nil
    }

    /// Returns the error of a failed call, and notes an error that broke the connection.
    private func fail(_ operation: SocketError.Operation, _ error: Errno) -> SocketError {
        socket.connectionError?.note(error)
        return socket.failure(operation, .system(error))
    }

    /// Waits until a request is ready, the limit passes, or one of the sockets is closed.
    private func wait(
        for requests: [PollRequest], _ other: Socket, _ idle: IdleLimit
    ) throws(Errno) {
        var requests = requests
        var remaining = idle.remaining
        // Wait for the close of either socket, because the requests may contain only one of the
        // sockets.
        if let event = other.closeEvent() {
            requests.append(PollRequest(descriptor: event, .readable))
        } else {
            let slice = Duration.microseconds(WaitPlan.slice)
            remaining = min(remaining ?? slice, slice)
        }
        if other.isClosed { return }
        try socket.poll(requests, remaining, wakesAtClose: true)
    }
}

extension Socket {
    /// A Boolean value that indicates whether the peer has closed the connection, not only
    /// half-closed it.
    fileprivate var hasHungUp: Bool { System.condition(descriptor)?.contains(.hungUp) ?? false }
}
