internal import SystemPackage

extension Socket {
    /// Waits until the peer half-closes or closes the connection, or until the connection breaks,
    /// without receiving.
    ///
    /// Other threads may send and receive meanwhile.
    ///
    /// ```swift
    /// try socket.sendAll("QUIT\r\n")
    /// try socket.awaitHangup(timeout: .seconds(5))
    /// ```
    ///
    /// The call returns at once if the peer has already ended the stream, even if bytes are unread.
    /// But if the unread bytes fill the receive buffer, EOF arrives only after another thread has
    /// received bytes. A peer that has only half-closed may still wait for bytes, but TCP does not
    /// distinguish a half-close from a close. The next receive reports whether the stream ended or
    /// the connection broke. The call also returns if ``shutdown(_:)`` has shut down the reading
    /// direction on this side. A TLS peer that sends its closing alert (close_notify) without
    /// closing the connection does not end the wait. The call waits for the event `POLLRDHUP` with
    /// poll(2), which blocks the thread; the async counterpart is
    /// ``Connection/awaitHangup(timeout:)``.
    ///
    /// - Parameter timeout: The maximum time to wait.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the peer did not close in time.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is a datagram socket or listens.
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the socket is not
    ///     connected.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func awaitHangup(timeout: TimeLimit = .never) throws(SocketError) {
        let deadline = Deadline(startingNow: timeout)
        guard enter() else { throw failure(.awaitHangup, .closed) }
        defer { leave() }
        try requireConnection(for: .awaitHangup)
        while true {
            do throws(Errno) {
                let hasHungUp = try System.hasHungUp(descriptor)
                // Check for a close after the system call, because the shutdown in `close` looks
                // like a hang-up.
                if isClosed { break }
                if hasHungUp { return }
                let remaining = deadline.remaining
                if let remaining, remaining <= .zero { break }
                try poll([PollRequest(descriptor: descriptor, .peerEnd)], remaining)
            } catch {
                throw failure(.awaitHangup, .system(error))
            }
        }
        throw failure(.awaitHangup, isClosed ? .closed : deadline.cause)
    }
}

extension SocketStream {
    /// Waits until the peer half-closes or closes the connection, or until the connection breaks,
    /// without receiving; see ``Socket/awaitHangup(timeout:)``.
    ///
    /// The call does not flush the written bytes.
    ///
    /// - Parameter timeout: The maximum time to wait.
    /// - Throws: The errors of ``Socket/awaitHangup(timeout:)``.
    public func awaitHangup(timeout: TimeLimit = .never) throws(SocketError) {
        try socket.awaitHangup(timeout: timeout)
    }
}
