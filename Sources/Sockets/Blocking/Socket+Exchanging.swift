internal import SystemPackage

// Exchanges of a request and a reply.
extension Socket {
    /// Sends a request and receives the reply.
    ///
    /// The call receives while it sends, so no combination of sizes can deadlock.
    ///
    /// ```swift
    /// let reply = try socket.exchange("status\n", reading: .line)
    /// print(reply.text)
    /// ```
    ///
    /// ``Framing/toEnd(limit:)`` half-closes the connection after the request and reads until EOF.
    /// The other framings keep the connection open. A line or a message that ends with a delimiter
    /// has at most 65,536 bytes. Bytes after the reply are not received, so the next call can
    /// receive them. The call blocks the thread; the async counterpart is
    /// ``Connection/exchange(_:reading:timeout:)-([UInt8],_,_)``.
    ///
    /// - Parameters:
    ///   - request: The bytes to send.
    ///   - framing: Where the reply ends.
    ///   - timeout: The time limit for the whole exchange. After a timeout, the rest of the reply
    ///     may still arrive, and the next read then starts in the middle of the reply.
    /// - Returns: The reply.
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of request
    ///   bytes that were sent, and whose ``SocketError/partialBytes`` contains the received part of
    ///   the reply. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke before the reply was complete.
    ///   - ``SocketError/Cause/endOfStream`` if the stream ended inside the reply.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` or ``SocketError/Cause/lineTooLong(limit:)`` if
    ///     the reply is longer than its limit.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the reply was not complete in time.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a stream.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func exchange(
        _ request: [UInt8], reading framing: Framing, timeout: TimeLimit = .never
    ) throws(SocketError) -> Reply {
        try require(.stream, for: .exchange)
        var input = ByteBuffer(capacity: 65536)
        var scanner = LineScanner(limit: 65536)
        var isAtEnd = false
        return try request.span.bytes.withUnsafeBytes { request throws(SocketError) in
            var exchange = Exchange(
                request.count, framing, delimitedLimit: scanner.limit, keepsSurplus: false,
                encryption: tlsSession)
            do throws(SocketError) {
                return try finish(
                    &exchange, request, &input, &scanner, &isAtEnd, Deadline(startingNow: timeout))
            } catch {
                // Add the received bytes to the error, because no later call can receive them.
                throw input.isEmpty ? error : error.with(partialBytes: input.take(input.count))
            }
        }
    }

    /// Sends a string as UTF-8 and receives the reply; see
    /// ``exchange(_:reading:timeout:)-([UInt8],_,_)``.
    ///
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of request
    ///   bytes that were sent, and whose ``SocketError/partialBytes`` contains the received part of
    ///   the reply. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke before the reply was complete.
    ///   - ``SocketError/Cause/endOfStream`` if the stream ended inside the reply.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` or ``SocketError/Cause/lineTooLong(limit:)`` if
    ///     the reply is longer than its limit.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the reply was not complete in time.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a stream.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func exchange(
        _ request: String, reading framing: Framing, timeout: TimeLimit = .never
    ) throws(SocketError) -> Reply {
        try exchange(Array(request.utf8), reading: framing, timeout: timeout)
    }

    /// Carries out an exchange on this thread.
    func finish(
        _ exchange: inout Exchange, _ request: UnsafeRawBufferPointer, _ input: inout ByteBuffer,
        _ scanner: inout LineScanner,
        _ isAtEnd: inout Bool, _ deadline: Deadline
    ) throws(SocketError) -> Reply {
        guard enter() else { throw failure(.exchange, .closed) }
        defer { leave() }
        try claimTLS(for: .exchange)
        defer { unclaimTLS() }
        // The first step sends a part of the request, so check the limit of a `withTimeLimit`
        // before it.
        if TimeLimitScope.currentHasPassed {
            throw timeout(.exchange, deadline, nil, isWhole: true)
        }
        // The remaining time when the exchange began to wait, or nil if it is not waiting.
        var stalledSince: Duration?
        while true {
            let step = exchange.step(
                descriptor, request, &input, &scanner, isAtEnd: &isAtEnd, connectionError)
            // Report `closed`, because the shutdown in `close` looks like the end of the stream.
            if isClosed {
                throw failure(.exchange, .closed, bytesTransferred: exchange.bytesTransferred)
            }
            switch step {
            case .moved:
                stalledSince = nil
                if deadline.hasPassed {
                    throw timeout(
                        .exchange, deadline, nil, sent: exchange.bytesTransferred,
                        received: input.count)
                }
            case .finished(let reply):
                return reply
            case .failed(let cause, let bytesTransferred, let partialBytes):
                throw SocketError(
                    .exchange, tlsSession?.cause(of: cause) ?? cause, localAddress: localAddress,
                    remoteAddress: remoteAddress,
                    bytesTransferred: bytesTransferred, partialBytes: partialBytes)
            case .blocked(let sends, let receives):
                let remaining = deadline.remaining
                if let remaining, remaining <= .zero {
                    throw timeout(
                        .exchange, deadline, stalledSince, sent: exchange.bytesTransferred,
                        received: input.count)
                }
                if stalledSince == nil { stalledSince = remaining }
                _ = try wait(sends: sends, receives: receives, atMost: remaining)
            }
        }
    }

    /// Waits until the socket is ready in one of the requested directions, and returns whether it
    /// is ready to receive.
    func wait(
        sends: Bool, receives: Bool, atMost duration: Duration?
    ) throws(SocketError) -> Bool {
        var requests: [PollRequest] = []
        if receives { requests.append(PollRequest(descriptor: descriptor, isForWriting: false)) }
        if sends { requests.append(PollRequest(descriptor: descriptor, isForWriting: true)) }
        do throws(Errno) {
            try poll(requests, duration)
        } catch {
            throw failure(.exchange, .system(error))
        }
        return receives && requests[0].isReady
    }
}
