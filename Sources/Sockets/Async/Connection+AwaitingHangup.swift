extension Connection {
    /// Waits until the peer half-closes or closes the connection, or until the connection breaks,
    /// without reading.
    ///
    /// Other tasks may read and write meanwhile. For example, a server can stop computing an answer
    /// when its client leaves:
    ///
    /// ```swift
    /// try await withThrowingTaskGroup(of: Void.self) { tasks in
    ///     tasks.addTask { try await connection.write(try await render(request)) }
    ///     tasks.addTask { try await connection.awaitHangup() }
    ///     try await tasks.next()
    ///     tasks.cancelAll()
    /// }
    /// ```
    ///
    /// The call returns at once if the peer has already ended the stream, even if bytes are unread.
    /// But if the unread bytes fill the receive buffer, EOF arrives only after another task has
    /// read bytes. A peer that has only half-closed may still wait for the answer, but TCP does not
    /// distinguish a half-close from a close. The next read reports whether the stream ended or the
    /// connection broke. The call also returns if ``shutdown(_:)`` has shut down the reading
    /// direction on this side. A TLS peer that sends its closing alert (close_notify) without
    /// closing the connection does not end the wait. The call waits for the event `EPOLLRDHUP`; see
    /// epoll_ctl(2).
    ///
    /// - Parameter timeout: The time limit, ``TimeLimit/never`` by default.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the peer did not close in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func awaitHangup(timeout: TimeLimit = .never) async throws(SocketError) {
        var deadline = Deadline(timeout)
        do throws(WaitFailure) {
            try await source.awaitHangup(&deadline)
        } catch {
            throw failure(.awaitHangup, after: error)
        }
    }
}
