internal import SystemPackage

extension Socket {
    /// Half-closes the connection, receives and discards what the peer still sends, and closes.
    ///
    /// ``close()`` alone makes the kernel reset the connection if the peer is still sending, and
    /// the peer may then lose the last bytes that this side sent. With this call, the peer can
    /// receive everything first:
    ///
    /// ```swift
    /// try socket.sendAll("HTTP/1.1 413 Content Too Large\r\n\r\n")
    /// socket.finish(timeout: .seconds(2))
    /// ```
    ///
    /// The call closes the socket when it receives EOF, has discarded 16 MiB or times out, or if
    /// the connection breaks. It closes at once if the socket is a datagram socket, or if the
    /// option ``SocketOption/linger`` is zero, which resets the connection. The call blocks the
    /// thread; the async counterpart is ``Connection/finish(timeout:)``.
    ///
    /// - Parameter timeout: The maximum time to wait for the peer.
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
            // Ignore the error, because only the close remains to be done.
        }
    }
}
