extension DatagramChannel {
    /// Replies to a datagram from the address that it was sent to.
    ///
    /// ```swift
    /// try await channel.withReceived { bytes, header in
    ///     try await channel.reply(to: header, with: bytes)
    /// }
    /// ```
    ///
    /// A machine may have many addresses, and a sender ignores a reply from an address to which it
    /// did not send. So the channel sets the reply's source address with `IP_PKTINFO` or
    /// `IPV6_PKTINFO` (RFC 3542).
    ///
    /// The call discards the reply and returns `false` in these cases:
    ///
    /// - The sender's address is 0.0.0.0 or `::`, because the reply would go to a service of this
    ///   machine.
    /// - The reply to a Unix sender is too long for the send buffer, but no longer than the
    ///   sender's datagram.
    /// - `timeout` is ``TimeLimit/never``, and the queue of a Unix sender stays full for one
    ///   second.
    ///
    /// - Parameters:
    ///   - header: The header of the datagram to reply to.
    ///   - bytes: The contents of the reply.
    ///   - timeout: How long to wait for buffer space.
    /// - Returns: `true` if the reply was sent, or `false` in the cases above and in those of
    ///   ``send(_:to:timeout:)-(RawSpan,_,_)``.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.messageTooLong` if the reply is too long.
    ///   - ``SocketError/Cause/system(_:)`` with `.invalidArgument` if the sender's address is
    ///     link-local but has no zone, and the channel is not bound to a link.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    @discardableResult
    public func reply(
        to header: DatagramHeader, with bytes: RawSpan, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await reply(
            bytes, to: header.sender, from: header.localAddress, header.originalCount, timeout)
    }

    /// Replies to a datagram from the address that it was sent to.
    ///
    /// - Parameters:
    ///   - datagram: The datagram to reply to.
    ///   - bytes: The contents of the reply.
    ///   - timeout: How long to wait for buffer space.
    /// - Returns: Whether the reply was sent; see ``reply(to:with:timeout:)-(DatagramHeader,_,_)``.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.messageTooLong` if the reply is too long.
    ///   - ``SocketError/Cause/system(_:)`` with `.invalidArgument` if the sender's address is
    ///     link-local but has no zone, and the channel is not bound to a link.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    @discardableResult
    public func reply(
        to datagram: Datagram, with bytes: RawSpan, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await reply(
            bytes, to: datagram.sender, from: datagram.localAddress, datagram.bytes.count, timeout)
    }

    /// Replies to a datagram with the bytes of an array.
    ///
    /// - Parameters:
    ///   - datagram: The datagram to reply to.
    ///   - bytes: The contents of the reply.
    ///   - timeout: How long to wait for buffer space.
    /// - Returns: Whether the reply was sent; see ``reply(to:with:timeout:)-(DatagramHeader,_,_)``.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.messageTooLong` if the reply is too long.
    ///   - ``SocketError/Cause/system(_:)`` with `.invalidArgument` if the sender's address is
    ///     link-local but has no zone, and the channel is not bound to a link.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    @discardableResult
    public func reply(
        to datagram: Datagram, with bytes: [UInt8], timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await reply(to: datagram, with: bytes.span.bytes, timeout: timeout)
    }

    /// Replies to a datagram with a string in UTF-8.
    ///
    /// - Parameters:
    ///   - datagram: The datagram to reply to.
    ///   - text: The contents of the reply.
    ///   - timeout: How long to wait for buffer space.
    /// - Returns: Whether the reply was sent; see ``reply(to:with:timeout:)-(DatagramHeader,_,_)``.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.messageTooLong` if the reply is too long.
    ///   - ``SocketError/Cause/system(_:)`` with `.invalidArgument` if the sender's address is
    ///     link-local but has no zone, and the channel is not bound to a link.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    @discardableResult
    public func reply(
        to datagram: Datagram, with text: String, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await reply(to: datagram, with: text.utf8.span.bytes, timeout: timeout)
    }

    @inline(__always)
    private func reply(
        _ bytes: RawSpan, to sender: SocketAddress, from local: SocketAddress?,
        _ requestCount: Int, _ timeout: TimeLimit
    ) async throws(SocketError) -> Bool {
        if sender.ip?.isUnspecified == true { return false }
        if family == .unix, acceptsAnySender {
            return try await replyToUnixPeer(bytes, sender, requestCount, timeout)
        }
        return try await send(bytes, to: sender, from: local, timeout)
    }

    /// Replies to a Unix sender.
    ///
    /// Without a time limit, the call gives up after one second, so that a sender that does not
    /// receive cannot delay the replies to other senders.
    @inline(never)
    private func replyToUnixPeer(
        _ bytes: RawSpan, _ sender: SocketAddress, _ requestCount: Int, _ timeout: TimeLimit
    ) async throws(SocketError) -> Bool {
        let limit = timeout == .never ? TimeLimit.seconds(1) : timeout
        do throws(SocketError) {
            return try await send(bytes, to: sender, from: nil, limit)
        } catch {
            let isLost =
                timeout == .never && error.cause == .timedOut(limit: limit.duration)
                || ReplyRules.isTooLongEcho(error.cause, bytes, toRequestOf: requestCount)
            guard isLost else { throw error }
            return false
        }
    }
}
