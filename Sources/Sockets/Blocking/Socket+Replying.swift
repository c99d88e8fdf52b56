internal import SystemPackage

// Replies to datagrams, from the address that the datagram was sent to.
extension Socket {
    /// Replies to a datagram from the address that it was sent to: sendmsg(2).
    ///
    /// ```swift
    /// while true {
    ///     let datagram = try server.receiveFrom()
    ///     try server.reply(to: datagram, with: datagram.bytes)
    /// }
    /// ```
    ///
    /// A machine may have several addresses, and a client accepts only a reply from the one that it
    /// used. No sender can end such a loop: if the datagram cannot be answered, because the sender has
    /// port 0 or no address, because there is no route to it or its link has gone, because a Unix peer
    /// accepts no datagram from this socket, or because a Unix peer's own datagram is too long to be
    /// sent back, the call returns `false`. On a connected socket, such an error is thrown. The call
    /// blocks the thread while there is no buffer space, and for at most a second if a Unix peer does
    /// not receive; the async counterpart is `DatagramChannel.reply`.
    ///
    /// - Parameters:
    ///   - datagram: The datagram to reply to.
    ///   - bytes: The contents of the reply.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: Whether the reply was sent.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.messageTooLong` if the reply is too long, with
    ///     `.invalidArgument` if the sender's address is link-local without a zone and the socket is
    ///     not bound to a link, or with another error of the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func reply(
        to datagram: Datagram, with bytes: [UInt8], timeout: TimeLimit = .never
    ) throws(SocketError) -> Bool {
        try reply(to: datagram.header, with: bytes.span.bytes, timeout: timeout)
    }

    /// Replies to a datagram with a string in UTF-8; see ``reply(to:with:timeout:)-(Datagram,[UInt8],_)``.
    ///
    /// - Parameters:
    ///   - datagram: The datagram to reply to.
    ///   - text: The contents of the reply.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: Whether the reply was sent.
    /// - Throws: The errors of ``reply(to:with:timeout:)-(Datagram,[UInt8],_)``.
    @discardableResult
    public func reply(
        to datagram: Datagram, with text: String, timeout: TimeLimit = .never
    ) throws(SocketError) -> Bool {
        try reply(to: datagram.header, with: text.utf8.span.bytes, timeout: timeout)
    }

    /// Replies to a datagram that was received into a buffer; see
    /// ``reply(to:with:timeout:)-(Datagram,[UInt8],_)``.
    ///
    /// - Parameters:
    ///   - header: The description of the datagram to reply to.
    ///   - bytes: The contents of the reply.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: Whether the reply was sent.
    /// - Throws: The errors of ``reply(to:with:timeout:)-(Datagram,[UInt8],_)``.
    @discardableResult
    public func reply(
        to header: DatagramHeader, with bytes: RawSpan, timeout: TimeLimit = .never
    ) throws(SocketError) -> Bool {
        let (sender, own) = (header.sender, localAddress)
        let isConnected = remoteAddress != .unnamed
        guard ReplyRules.isReplyAddress(sender, on: own), sender.ip?.isUnspecified != true else {
            return false
        }
        let isUnix = family == .unix
        let limit = isUnix && timeout == .never ? TimeLimit.seconds(1) : timeout
        do throws(SocketError) {
            _ = try send(
                bytes, to: sender, from: own.isOneOfMany ? header.localAddress : nil, limit)
            return true
        } catch {
            if isUnix, timeout == .never, error.isTimeout { return false }
            guard !isConnected else { throw error }
            let count = header.originalCount
            if isUnix, ReplyRules.isTooLongEcho(error.cause, bytes, toRequestOf: count) {
                return false
            }
            let isLost = ReplyRules.isUndeliverable(error.cause, to: sender, from: family, own) {
                (try? option(.ipv6Only)) ?? false
            }
            guard isLost else { throw error }
            return false
        }
    }
}
