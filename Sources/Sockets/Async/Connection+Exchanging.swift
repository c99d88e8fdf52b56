internal import Synchronization

// Exchanges of a request and a reply.
extension Connection {
    /// Sends a request and receives the reply.
    ///
    /// The call receives while it sends, so no combination of sizes can deadlock. If other tasks
    /// are writing, it first waits until their writes have ended.
    ///
    /// ```swift
    /// let reply = try await connection.exchange("status\n", reading: .line)
    /// print(reply.text)
    /// ```
    ///
    /// With ``Framing/toEnd(limit:)``, the call half-closes the connection after the request and
    /// reads until the end of the stream. The other framings keep the connection open. ``lineLimit``
    /// applies to a line and to a message that ends with a delimiter.
    ///
    /// - Parameters:
    ///   - request: The bytes to send.
    ///   - framing: Where the reply ends.
    ///   - timeout: The time limit for the whole exchange. After a timeout or a cancellation, the
    ///     received part of the reply stays in the connection, and the rest may still arrive. The
    ///     next read then starts with this reply.
    /// - Returns: The reply.
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of request
    ///   bytes that were sent. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke before the reply was complete.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/endOfStream`` if the stream ended inside the reply.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/lineTooLong(limit:)`` if the reply is a line that is longer than its
    ///     limit.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if the reply is not a line and is longer than its
    ///     limit. The received bytes stay in the connection.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the reply was not complete in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func exchange(
        _ request: [UInt8], reading framing: Framing, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Reply {
        var deadline = Deadline(timeout)
        // Claim the reading direction after the earlier writes have ended, because such a write may
        // be unable to end unless another task reads meanwhile.
        try await beginWriting(&deadline, for: .exchange)
        defer { source.endWriting() }
        try begin(.exchange)
        defer { source.endReading() }
        guard !isIncomplete else { throw failure(.exchange, .incompleteWrite) }
        if framing != .line { scanner.stopSkipping() }
        scanner.limit = lineLimit
        source.waitsForBoth.store(true, ordering: .sequentiallyConsistent)
        defer {
            source.waitsForBoth.store(false, ordering: .sequentiallyConsistent)
            // Mark both directions as ready. The exchange cleared both marks, but its last step may
            // have tested only one direction, and no event would report the other direction again.
            source.reading.word.setReady()
            source.writing.word.setReady()
        }
        var exchange = Exchange(
            request.count, framing, delimitedLimit: scanner.limit, keepsSurplus: true,
            encryption: tlsSession)
        defer { isIncomplete = exchange.isIncomplete }
        while true {
            do throws(WaitFailure) {
                try await source.yieldIfNeeded()
            } catch {
                throw failure(.exchange, error.cause, bytesTransferred: exchange.bytesTransferred)
            }
            source.reading.word.clear()
            source.writing.word.clear()
            let step = request.withUnsafeBytes {
                exchange.step(
                    source.descriptor, $0, &input, &scanner, isAtEnd: &isAtEnd, connectionError)
            }
            // Report `closed`, because the shutdown in `close` looks like the end of the stream.
            if isClosed {
                throw failure(.exchange, .closed, bytesTransferred: exchange.bytesTransferred)
            }
            switch step {
            case .moved:
                do throws(WaitFailure) {
                    try deadline.beginStep()
                } catch {
                    throw failure(
                        .exchange, error.cause, bytesTransferred: exchange.bytesTransferred)
                }
            case .finished(let reply):
                return reply
            case .failed(let cause, let bytesTransferred, let partialBytes):
                throw failure(
                    .exchange, cause, bytesTransferred: bytesTransferred, partialBytes: partialBytes
                )
            case .blocked:
                if deadline.hasPassed {
                    throw failure(
                        .exchange, deadline.cause, bytesTransferred: exchange.bytesTransferred)
                }
                guard await source.wait(.reading, until: deadline.start()) else {
                    throw failure(
                        .exchange, .cancelled, bytesTransferred: exchange.bytesTransferred)
                }
            }
        }
    }

    /// Sends a string as UTF-8 and receives the reply; see
    /// ``exchange(_:reading:timeout:)-([UInt8],_,_)``.
    ///
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of request
    ///   bytes that were sent. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke before the reply was complete.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/endOfStream`` if the stream ended inside the reply.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/lineTooLong(limit:)`` if the reply is a line that is longer than its
    ///     limit.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if the reply is not a line and is longer than its
    ///     limit. The received bytes stay in the connection.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the reply was not complete in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func exchange(
        _ request: String, reading framing: Framing, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Reply {
        try await exchange(Array(request.utf8), reading: framing, timeout: timeout)
    }
}
