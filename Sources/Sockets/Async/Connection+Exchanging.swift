internal import Synchronization

// Exchanges of a request and a reply.
extension Connection {
    /// Sends a request and receives the reply.
    ///
    /// It receives while it sends, so no combination of sizes can deadlock. If other tasks are
    /// writing, the exchange waits until their writes have ended.
    ///
    /// ```swift
    /// let reply = try await connection.exchange("status\n", reading: .line)
    /// print(reply.text)
    /// ```
    ///
    /// ``Framing/toEnd(limit:)`` ends the request by a half-close and reads to the end of the
    /// stream. The other forms keep the connection open. A line or a message that ends with a
    /// delimiter byte has at most 65,536 bytes.
    ///
    /// - Parameters:
    ///   - request: The bytes to send.
    ///   - framing: Where the reply ends.
    ///   - timeout: The time limit for the whole exchange. After a failure, the received bytes stay
    ///     in the connection. After a timeout, the rest of the reply may still arrive, and the next
    ///     read continues in its middle.
    /// - Returns: The reply.
    /// - Throws: ``SocketError`` with one of these causes. ``SocketError/bytesTransferred`` is the
    ///   number of request bytes that were sent:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke before the reply was complete.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/endOfStream`` if the stream ended inside the reply.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` or ``SocketError/Cause/lineTooLong(limit:)`` if
    ///     the reply is longer than its limit.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the reply was not complete in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func exchange(
        _ request: [UInt8], reading framing: Framing, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Reply {
        var deadline = Deadline(timeout)
        // Reading comes second, because a writing task may only continue when its peer is read
        // from.
        try await beginWriting(&deadline, for: .exchange)
        defer { source.endWriting() }
        try begin(.exchange)
        defer { source.endReading() }
        guard !isIncomplete else { throw failure(.exchange, .incompleteWrite) }
        if framing != .line { scanner.stopSkipping() }
        source.waitsForBoth.store(true, ordering: .sequentiallyConsistent)
        defer {
            source.waitsForBoth.store(false, ordering: .sequentiallyConsistent)
            // Mark both directions as ready. The exchange cleared both marks, but its last step may
            // have tested only one direction, and no event would report the other again.
            source.reading.word.setReady()
            source.writing.word.setReady()
        }
        var exchange = Exchange(
            request.count, framing, delimitedLimit: scanner.limit, keepsSurplus: true,
            encryption: tlsSession)
        defer { isIncomplete = exchange.isIncomplete }
        while true {
            await source.yieldIfNeeded()
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
    /// - Throws: ``SocketError`` with one of these causes. ``SocketError/bytesTransferred`` is the
    ///   number of request bytes that were sent:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke before the reply was complete.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/endOfStream`` if the stream ended inside the reply.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` or ``SocketError/Cause/lineTooLong(limit:)`` if
    ///     the reply is longer than its limit.
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
