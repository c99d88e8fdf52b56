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
    /// accepts no datagram from this socket, or because the reply to a Unix peer is too long for the
    /// send buffer, the call returns `false`. On a connected socket, such an error is thrown. The call
    /// blocks the thread while there is no buffer space, and for at most a second if a Unix peer does
    /// not receive; the async counterpart is `DatagramChannel.reply`.
    ///
    /// - Parameters:
    ///   - datagram: The datagram to reply to.
    ///   - bytes: The contents of the reply.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: Whether the reply was sent.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `messageTooLong` if a UDP reply is too long, or
    ///     with another error of the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func reply(
        to datagram: Datagram, with bytes: [UInt8], timeout: TimeLimit = .never
    ) throws(SocketError) -> Bool {
        try reply(bytes.span.bytes, datagram.sender, datagram.localAddress, timeout)
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
        try reply(text.utf8.span.bytes, datagram.sender, datagram.localAddress, timeout)
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
        try reply(bytes, header.sender, header.localAddress, timeout)
    }

    private func reply(
        _ bytes: RawSpan, _ sender: SocketAddress, _ local: SocketAddress?, _ timeout: TimeLimit
    ) throws(SocketError) -> Bool {
        let own = localAddress
        let isConnected = remoteAddress != .unnamed
        guard ReplyRules.isReplyAddress(sender, on: own), sender.ip?.isUnspecified != true else {
            return false
        }
        let isUnix = family == .unix
        let limit = isUnix && timeout == .never ? TimeLimit.seconds(1) : timeout
        do throws(SocketError) {
            try send(bytes, to: sender, from: own.isOneOfMany ? local : nil, limit)
            return true
        } catch {
            if isUnix, timeout == .never, error.isTimeout { return false }
            guard !isConnected else { throw error }
            if ReplyRules.isTooLong(error.cause, from: family) { return false }
            let isLost = ReplyRules.isUndeliverable(error.cause, to: sender, from: family, own) {
                (try? option(.ipv6Only)) ?? false
            }
            guard isLost else { throw error }
            return false
        }
    }

    /// Sends one datagram from a local address; `nil` lets the kernel choose.
    private func send(
        _ bytes: RawSpan, to remote: SocketAddress, from local: SocketAddress?,
        _ timeout: TimeLimit
    ) throws(SocketError) {
        guard let local else {
            try send(bytes, to: remote, timeout: timeout)
            return
        }
        let deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            let raw = try remote.raw(for: family, .send, on: descriptor)
            let packet: PacketAddress?
            do throws(Errno) {
                packet = try local.packetAddress(for: descriptor)
            } catch {
                throw SocketError(.send, .system(error))
            }
            try bytes.withUnsafeBytes { bytes throws(SocketError) in
                _ = try perform(.send, .sending, sendPlan, deadline) {
                    descriptor, flags throws(Errno) in
                    try System.sendmsg(
                        descriptor, bytes, flags, to: raw, from: packet ?? .unnamed)
                }
            }
        } catch {
            throw failure(error.operation, error.cause, remote: remote)
        }
    }
}
