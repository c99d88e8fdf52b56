internal import SystemPackage

extension Connection {
    /// Half-closes the connection, reads and discards what the peer still sends, and closes.
    ///
    /// ``close()`` alone makes the kernel reset the connection if the peer is still sending, and
    /// the peer may then lose the end of what was written. With this call, the peer can read
    /// everything first:
    ///
    /// ```swift
    /// try await connection.write("HTTP/1.1 413 Content Too Large\r\n\r\n")
    /// await connection.finish(timeout: .seconds(2))
    /// ```
    ///
    /// The half-close waits for the writes of other tasks. The call closes when the peer has ended
    /// the stream, after 16 MiB, at the timeout, if the task is cancelled or if the connection
    /// breaks. If another task is reading, the rest belongs to that task, and the call waits until
    /// it stops. If the option ``SocketOption/linger`` is zero, the call closes at once, which
    /// resets the connection.
    ///
    /// - Parameter timeout: The limit of all waits together.
    public func finish(timeout: TimeLimit = .seconds(2)) async {
        if !isIdleAtEnd { await endAndDiscard(timeout) }
        close()
    }

    /// Whether the peer has ended the stream and no task uses the connection.
    ///
    /// Such a peer sends nothing more, so the close cannot reset.
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

    /// Half-closes, and discards what the peer sends until it has ended the stream.
    @inline(never)
    func endAndDiscard(_ timeout: TimeLimit) async {
        var deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            try await halfClose(&deadline)
            try await beginReading(&deadline)
            defer { source.endReading() }
            try await discardInput(&deadline)
        } catch {
            // There is nothing left to do but to close.
        }
    }

    /// Ends the stream after the writes that came before.
    private func halfClose(_ deadline: inout Deadline) async throws(SocketError) {
        try await beginWriting(&deadline, for: .shutdown)
        defer { source.endWriting() }
        guard !source.linger.resets(source.descriptor) else { throw failure(.shutdown, .closed) }
        if let session = tlsSession { try await sendEnd(session, &deadline) }
        try shutdown(.write)
    }

    /// Begins to read, and waits while another task reads.
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
