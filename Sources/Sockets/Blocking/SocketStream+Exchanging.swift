// Exchanges of a request and a reply.
extension SocketStream {
    /// Sends a request and receives the reply.
    ///
    /// The call receives while it sends, so no combination of sizes can deadlock.
    ///
    /// ```swift
    /// let reply = try stream.exchange("status\n", reading: .line)
    /// print(reply.text)
    /// ```
    ///
    /// ``Framing/toEnd(limit:)`` half-closes the connection after the request and reads until EOF.
    /// The other framings keep the connection open. The stream's line limit applies to a line and
    /// to a message that ends with a delimiter. Unflushed bytes are sent before the request.
    /// The call blocks the thread; the async counterpart is
    /// ``Connection/exchange(_:reading:timeout:)-([UInt8],_,_)``.
    ///
    /// - Parameters:
    ///   - request: The bytes to send.
    ///   - framing: Where the reply ends.
    ///   - timeout: The time limit for the whole exchange. After a timeout, the received part of
    ///     the reply stays in the stream, and the rest may still arrive. The next read then returns
    ///     bytes from this reply.
    /// - Returns: The reply.
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of request
    ///   bytes that were sent. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke before the reply was complete.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/endOfStream`` if the stream ended inside the reply.
    ///     ``SocketError/partialBytes`` contains the received part.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` or ``SocketError/Cause/lineTooLong(limit:)`` if
    ///     the reply is longer than its limit.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the reply was not complete in time.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func exchange(
        _ request: [UInt8], reading framing: Framing, timeout: TimeLimit = .never
    ) throws(SocketError) -> Reply {
        try socket.require(.stream, for: .exchange)
        guard !isIncomplete else { throw socket.failure(.exchange, .incompleteWrite) }
        try requireBuffer(for: .exchange)
        if framing != .line { scanner.stopSkipping() }
        // Send unflushed bytes with the request, because flushing first could deadlock with a peer
        // that waits until this side reads.
        let request = output.isEmpty ? request : [UInt8](output.bytes) + request
        let pending = output.count
        return try request.span.bytes.withUnsafeBytes { request throws(SocketError) in
            var exchange = Exchange(
                request.count, framing, delimitedLimit: scanner.limit, keepsSurplus: true,
                encryption: socket.tlsSession)
            defer {
                isIncomplete = exchange.isIncomplete
                output.consume(min(pending, exchange.bytesTransferred))
            }
            return try socket.finish(
                &exchange, request, &input, &scanner, &isAtEnd, Deadline(startingNow: timeout))
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
    ///   - ``SocketError/Cause/tooLarge(limit:)`` or ``SocketError/Cause/lineTooLong(limit:)`` if
    ///     the reply is longer than its limit.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the reply was not complete in time.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func exchange(
        _ request: String, reading framing: Framing, timeout: TimeLimit = .never
    ) throws(SocketError) -> Reply {
        try exchange(Array(request.utf8), reading: framing, timeout: timeout)
    }
}
