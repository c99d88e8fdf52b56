internal import SystemPackage

extension Socket {
    /// Half-closes the connection, receives and discards what the peer still sends, and closes.
    ///
    /// ``close()`` alone makes the kernel reset the connection if the peer is still sending, and the
    /// peer may then lose the end of what was sent. With this call, the peer can receive everything
    /// first:
    ///
    /// ```swift
    /// try socket.sendAll("HTTP/1.1 413 Content Too Large\r\n\r\n")
    /// socket.finish(timeout: .seconds(2))
    /// ```
    ///
    /// The call closes when the peer has ended the stream, after 16 MiB, at the timeout or if the
    /// connection breaks. If the option ``SocketOption/linger`` is zero, it closes at once, which resets
    /// the connection, and it closes a datagram socket at once. The call blocks the thread; the async
    /// counterpart is ``Connection/finish(timeout:)``.
    ///
    /// - Parameter timeout: The limit of the wait.
    public func finish(timeout: TimeLimit = .seconds(2)) {
        defer { close() }
        let deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            let resets = try call(.getOption) { linger.resets($0) }
            guard type != .datagram, !resets else { return }
            try sendEnd(deadline)
            try shutdown(.write)
            var discarded = 0
            var buffer: [UInt8] = []
            while discarded < Self.finishLimit {
                let count = try buffer.append(atMost: 65536) { bytes throws(SocketError) in
                    try receive(bytes, deadline, [], isFirst: discarded == 0)
                }
                guard count > 0 else { return }
                discarded += count
                buffer.removeAll(keepingCapacity: true)
            }
        } catch {
            // There is nothing left to do but to close.
        }
    }
}
