internal import SystemPackage

extension Connection {
    /// Half-closes the connection, discards the bytes that the peer still sends, and closes.
    ///
    /// If the peer is still sending, ``close()`` alone makes the kernel reset the connection. The
    /// peer may then lose the last bytes that were written to it. With this call, the peer can read
    /// them all first:
    ///
    /// ```swift
    /// try await connection.write("HTTP/1.1 413 Content Too Large\r\n\r\n")
    /// await connection.finish(timeout: .seconds(2))
    /// ```
    ///
    /// The half-close waits for the writes of other tasks. If another task is reading, that task
    /// gets the remaining bytes, and the call waits until it stops reading. The call closes the
    /// connection when the peer has ended the stream, or earlier in one of these cases:
    ///
    /// - The call has discarded 16 MiB, or the connection breaks.
    /// - The timeout has passed, or the task is cancelled.
    /// - The option ``SocketOption/linger`` is zero. The call then closes at once, which resets the
    ///   connection.
    ///
    /// - Parameter timeout: The time limit for all waits together.
    public func finish(timeout: TimeLimit = .seconds(2)) async {
        if !isIdleAtEnd { await endAndDiscard(timeout) }
        close()
    }

    /// A Boolean value that indicates whether the peer has ended the stream and no task uses the
    /// connection.
    ///
    /// Such a peer sends nothing more, so closing the descriptor does not reset the connection.
    var isIdleAtEnd: Bool {
        guard source.writers.take() else { return false }
        var hasEnded = false
        if (try? source.beginReading()) != nil {
            hasEnded = isAtEnd
            source.endReading()
        }
        source.writers.end()
        return hasEnded
    }

    /// Half-closes the connection, and discards received bytes until the end of the stream.
    @inline(never)
    func endAndDiscard(_ timeout: TimeLimit) async {
        var deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            try await halfClose(&deadline)
            try await beginReading(&deadline)
            defer { source.endReading() }
            try await discardInput(&deadline)
        } catch {
            // The caller closes the connection in any case.
        }
    }

    /// Half-closes the connection after the earlier writes have ended.
    private func halfClose(_ deadline: inout Deadline) async throws(SocketError) {
        try await beginWriting(&deadline, for: .shutdown)
        defer { source.endWriting() }
        guard !source.linger.resets(source.descriptor) else { throw failure(.shutdown, .closed) }
        if let session = tlsSession { try await sendEnd(session, &deadline) }
        try shutdown(.write)
    }

    /// Waits until no other task reads, and claims the reading direction.
    private func beginReading(_ deadline: inout Deadline) async throws(SocketError) {
        do throws(WaitFailure) {
            try await source.beginReadingLast(&deadline)
        } catch {
            throw failure(.read, after: error)
        }
    }

    private func discardInput(_ deadline: inout Deadline) async throws(SocketError) {
        var discarded = input.count
        input.consume(input.count)
        while discarded < Self.finishLimit, try await fill(&deadline) {
            discarded += input.count
            input.consume(input.count)
        }
    }
}
