internal import Synchronization

// Exchanges of a request and a reply.
extension Connection {
    /// Sends a request and receives the reply.
    ///
    /// It receives while it sends, so no combination of sizes can deadlock.
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
    ///     in the connection.
    /// - Returns: The reply.
    /// - Throws: ``SocketError/Cause/system(_:)`` if the connection broke before a reply arrived;
    ///   ``SocketError/Cause/endOfStream`` if the stream ended inside the reply, with
    ///   ``SocketError/partialBytes``; ``SocketError/Cause/tooLarge(limit:)`` or
    ///   ``SocketError/Cause/lineTooLong(limit:)`` if the reply is longer than its limit;
    ///   ``SocketError/Cause/timedOut(limit:)`` or ``SocketError/Cause/cancelled``;
    ///   ``SocketError/Cause/busy`` while another task reads or writes;
    ///   ``SocketError/Cause/incompleteWrite`` after a write that ended part-way;
    ///   ``SocketError/Cause/closed``. ``SocketError/bytesTransferred`` is the number of request
    ///   bytes that were sent.
    public func exchange(
        _ request: [UInt8], reading framing: Framing, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Reply {
        try begin(.exchange)
        defer { source.end(.reading) }
        try begin(.write)
        defer { source.end(.writing) }
        guard !isIncomplete else { throw failure(.exchange, .incompleteWrite) }
        if framing != .line { scanner.stopSkipping() }
        source.waitsForBoth.store(true, ordering: .sequentiallyConsistent)
        defer {
            source.waitsForBoth.store(false, ordering: .sequentiallyConsistent)
            // Make both directions ready, because the exchange cleared them without testing each
            // direction afterwards.
            source.reading.word.setReady()
            source.writing.word.setReady()
        }
        var deadline = Deadline(timeout)
        var exchange = Exchange(
            request.count, framing, delimitedLimit: scanner.limit, keepsSurplus: true)
        defer { isIncomplete = exchange.isIncomplete }
        while true {
            await source.yieldIfNeeded()
            source.reading.word.clear()
            source.writing.word.clear()
            let step = request.withUnsafeBytes {
                exchange.step(source.descriptor, $0, &input, &scanner, isAtEnd: &isAtEnd)
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
    /// - Throws: ``SocketError/Cause/system(_:)`` if the connection broke before a reply arrived;
    ///   ``SocketError/Cause/endOfStream`` if the stream ended inside the reply, with
    ///   ``SocketError/partialBytes``; ``SocketError/Cause/tooLarge(limit:)`` or
    ///   ``SocketError/Cause/lineTooLong(limit:)`` if the reply is longer than its limit;
    ///   ``SocketError/Cause/timedOut(limit:)`` or ``SocketError/Cause/cancelled``;
    ///   ``SocketError/Cause/busy`` while another task reads or writes;
    ///   ``SocketError/Cause/incompleteWrite`` after a write that ended part-way;
    ///   ``SocketError/Cause/closed``. ``SocketError/bytesTransferred`` is the number of request
    ///   bytes that were sent.
    public func exchange(
        _ request: String, reading framing: Framing, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Reply {
        try await exchange(Array(request.utf8), reading: framing, timeout: timeout)
    }
}
