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
    /// A machine may have several addresses, and a client accepts only a reply from the address
    /// that it used.
    ///
    /// No sender can end the loop above, because the call returns `false` in these cases:
    ///
    /// - The sender has port 0, no address, or an unspecified address such as 0.0.0.0.
    /// - There is no route to the sender, or the sender's link has gone.
    /// - A Unix sender does not accept datagrams from this socket.
    /// - A Unix sender's own datagram is too long to be sent back.
    ///
    /// On a connected socket, the call throws the kernel's error instead. The call blocks the
    /// thread while there is no buffer space. Without a timeout, it waits at most one second for a
    /// Unix sender that does not receive, and then returns `false`. The async counterpart is
    /// `DatagramChannel.reply`.
    ///
    /// - Parameters:
    ///   - datagram: The datagram to reply to.
    ///   - bytes: The contents of the reply.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: `true` if the reply was sent.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with one of these errors, or with another error of the
    ///     kernel:
    ///     - `messageTooLong` if the reply is too long.
    ///     - `invalidArgument` if the sender's address is link-local without a zone, and the socket
    ///       is not bound to a link.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func reply(
        to datagram: Datagram, with bytes: [UInt8], timeout: TimeLimit = .never
    ) throws(SocketError) -> Bool {
        try reply(to: datagram.header, with: bytes.span.bytes, timeout: timeout)
    }

    /// Replies to a datagram with a string in UTF-8; see
    /// ``reply(to:with:timeout:)-(Datagram,[UInt8],_)``.
    ///
    /// - Parameters:
    ///   - datagram: The datagram to reply to.
    ///   - text: The contents of the reply.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: `true` if the reply was sent.
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
    /// - Returns: `true` if the reply was sent.
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
            let ownTimeout = SocketError.Cause.timedOut(limit: limit.duration)
            if isUnix, timeout == .never, error.cause == ownTimeout { return false }
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
