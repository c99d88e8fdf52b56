internal import SystemPackage

extension DatagramChannel {
    /// Sends one datagram to an address, as sendto(2) does.
    ///
    /// ```swift
    /// try await channel.send(bytes, to: .ipv4(.loopback, port: 9))
    /// ```
    ///
    /// A datagram may be empty. Success means that the datagram was sent but not that it arrived.
    /// To send to a broadcast address, set the option ``SocketOption/broadcast``. If there is no
    /// buffer space, the call waits. Waiting calls send in the order in which they were made. If
    /// the queue of a Unix peer is full, the call retries every few milliseconds, because the
    /// kernel does not report when the queue has space.
    ///
    /// A sender's address may be forged, or the sender may have closed its socket. A reply to such
    /// an address must not stop a server that replies to all senders. So a channel that accepts any
    /// sender treats the datagram as lost and returns `false` in these cases:
    ///
    /// - The Unix peer does not exist, is connected to another socket, or has shut down its
    ///   receiving direction.
    /// - There is no route, a firewall blocks the datagram, or the zone names no interface.
    /// - The address cannot receive a reply: it has port 0, is ``SocketAddress/unnamed``, is the
    ///   broadcast address of a network, or is 0.0.0.0 with the channel's own port, which would
    ///   reach the channel itself.
    ///
    /// In the following cases, the call throws the kernel's error instead:
    ///
    /// - The channel is connected, or it is a Unix channel without an address.
    /// - No sender can have the address, so the program itself has chosen it. Such addresses are
    ///   multicast groups, 255.255.255.255, link-local addresses without a zone, and addresses of a
    ///   family that the channel does not serve.
    /// - The datagram is too long.
    ///
    /// A Unix client may have a larger send buffer than the channel, so its datagrams may be too
    /// long to be sent back. A Unix service that sends back what it received should therefore use
    /// ``reply(to:with:timeout:)-(DatagramHeader,_,_)``.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the datagram.
    ///   - address: The destination.
    ///   - timeout: How long to wait for buffer space.
    /// - Returns: Whether the datagram was sent.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.messageTooLong` if the datagram is too long.
    ///   - ``SocketError/Cause/system(_:)`` with `.permissionDenied` if broadcasting is not
    ///     enabled.
    ///   - ``SocketError/Cause/system(_:)`` with `.networkUnreachable` if no route leads to a
    ///     multicast group.
    ///   - ``SocketError/Cause/system(_:)`` with `.invalidArgument` if a link-local address has no
    ///     zone, and the channel is not bound to a link.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    @discardableResult
    public func send(
        _ bytes: RawSpan, to address: SocketAddress, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await send(bytes, to: address, from: nil, timeout)
    }

    /// Sends the bytes of an array as one datagram to an address.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the datagram.
    ///   - address: The destination.
    ///   - timeout: How long to wait for buffer space.
    /// - Returns: Whether the datagram was sent; see ``send(_:to:timeout:)-(RawSpan,_,_)``.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.messageTooLong` if the datagram is too long.
    ///   - ``SocketError/Cause/system(_:)`` with `.permissionDenied` if broadcasting is not
    ///     enabled.
    ///   - ``SocketError/Cause/system(_:)`` with `.networkUnreachable` if no route leads to a
    ///     multicast group.
    ///   - ``SocketError/Cause/system(_:)`` with `.invalidArgument` if a link-local address has no
    ///     zone, and the channel is not bound to a link.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    @discardableResult
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await send(bytes.span.bytes, to: address, from: nil, timeout)
    }

    /// Sends a string in UTF-8 as one datagram to an address.
    ///
    /// - Parameters:
    ///   - text: The contents of the datagram.
    ///   - address: The destination.
    ///   - timeout: How long to wait for buffer space.
    /// - Returns: Whether the datagram was sent; see ``send(_:to:timeout:)-(RawSpan,_,_)``.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.messageTooLong` if the datagram is too long.
    ///   - ``SocketError/Cause/system(_:)`` with `.permissionDenied` if broadcasting is not
    ///     enabled.
    ///   - ``SocketError/Cause/system(_:)`` with `.networkUnreachable` if no route leads to a
    ///     multicast group.
    ///   - ``SocketError/Cause/system(_:)`` with `.invalidArgument` if a link-local address has no
    ///     zone, and the channel is not bound to a link.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    @discardableResult
    public func send(
        _ text: String, to address: SocketAddress, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await send(text.utf8.span.bytes, to: address, from: nil, timeout)
    }

    /// Sends one datagram to the peer of a connected channel, as send(2) does.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the datagram.
    ///   - timeout: How long to wait for buffer space.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.destinationAddressRequired` or
    ///     `.socketNotConnected` if the channel is not connected.
    ///   - ``SocketError/Cause/system(_:)`` with `.connectionRefused` if an earlier datagram could
    ///     not be delivered. The new datagram is not sent.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func send(
        _ bytes: RawSpan, timeout: TimeLimit = .never
    ) async throws(SocketError) {
        _ = try await send(bytes, to: nil, from: nil, timeout)
    }

    /// Sends the bytes of an array as one datagram to the peer of a connected channel.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the datagram.
    ///   - timeout: How long to wait for buffer space.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.destinationAddressRequired` or
    ///     `.socketNotConnected` if the channel is not connected.
    ///   - ``SocketError/Cause/system(_:)`` with `.connectionRefused` if an earlier datagram could
    ///     not be delivered. The new datagram is not sent.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func send(
        _ bytes: [UInt8], timeout: TimeLimit = .never
    ) async throws(SocketError) {
        _ = try await send(bytes.span.bytes, to: nil, from: nil, timeout)
    }

    /// Sends a string in UTF-8 as one datagram to the peer of a connected channel.
    ///
    /// - Parameters:
    ///   - text: The contents of the datagram.
    ///   - timeout: How long to wait for buffer space.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.destinationAddressRequired` or
    ///     `.socketNotConnected` if the channel is not connected.
    ///   - ``SocketError/Cause/system(_:)`` with `.connectionRefused` if an earlier datagram could
    ///     not be delivered. The new datagram is not sent.
    ///   - ``SocketError/Cause/system(_:)`` with another error from the kernel.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func send(
        _ text: String, timeout: TimeLimit = .never
    ) async throws(SocketError) {
        _ = try await send(text.utf8.span.bytes, to: nil, from: nil, timeout)
    }

    /// Sends at once, or waits if there is no buffer space.
    ///
    /// `descriptors` is `nil` for a datagram without descriptors.
    @inline(__always)
    func send(
        _ bytes: RawSpan, with descriptors: [Int32]? = nil, to remote: SocketAddress?,
        from local: SocketAddress?, _ timeout: TimeLimit
    ) async throws(SocketError) -> Bool {
        guard source.enter() else { throw failure(.send, .closed, remote: remote) }
        defer { source.leave() }
        do throws(WaitFailure) {
            try await source.yieldIfNeeded()
            if let remote, acceptsAnySender,
                !ReplyRules.isReplyAddress(remote, on: localAddress)
            {
                return false
            }
            let route = try route(to: remote, from: local)
            let isSent =
                descriptors == nil
                ? try sendAtOnce(bytes, route)
                : try sendAtOnce(bytes, with: descriptors, route)
            if !isSent {
                try await sendWaiting(bytes, with: descriptors, route, to: remote, timeout)
            }
            return true
        } catch {
            if let remote, acceptsAnySender, isUndeliverable(error.cause, to: remote) {
                return false
            }
            throw failure(.send, error.cause, remote: remote)
                .withLocalHint(to: remote ?? remoteAddress, from: localAddress, .datagram)
        }
    }

    /// A Boolean value that indicates whether any sender can reach the channel, so reply addresses
    /// may be forged.
    var acceptsAnySender: Bool { !isConnected && localAddress != .unnamed }

    private func isUndeliverable(_ cause: SocketError.Cause, to remote: SocketAddress) -> Bool {
        ReplyRules.isUndeliverable(cause, to: remote, from: family, localAddress) {
            (try? SocketOption.ipv6Only.get(source.descriptor, family)) ?? false
        }
    }

    /// The destination and the source of a datagram in the kernel's format.
    struct Route {
        var remote: RawSocketAddress?
        var local: PacketAddress?
    }

    @inline(__always)
    private func route(
        to remote: SocketAddress?, from local: SocketAddress?
    ) throws(WaitFailure) -> Route {
        guard let remote else { return Route() }
        do throws(Errno) {
            // Omit the source if the channel has only one address, because it sends from that
            // address anyway.
            let raw = try remote.raw(for: family, on: source.descriptor)
            try DestinationLink.check(remote, source.descriptor, family)
            return Route(
                remote: raw,
                local: usesPacketInfo
                    ? try local?.packetAddress(for: source.descriptor) : nil)
        } catch {
            throw WaitFailure(.system(error))
        }
    }

    /// Sends without waiting.
    ///
    /// Several tasks may call this method at once, because each datagram is sent as a whole.
    ///
    /// Returns `false` if there is no buffer space.
    @inline(__always)
    func sendAtOnce(_ bytes: RawSpan, _ route: Route) throws(WaitFailure) -> Bool {
        try hasRoom { () throws(Errno) in try attempt(source.descriptor, bytes, route) }
    }

    /// Sends as ``sendAtOnce(_:_:)`` does, with descriptors unless they are `nil`.
    ///
    /// It is a function of its own, because a parameter of ``sendAtOnce(_:_:)`` would cost each
    /// datagram 100 instructions.
    @inline(never)
    func sendAtOnce(
        _ bytes: RawSpan, with descriptors: [Int32]?, _ route: Route
    ) throws(WaitFailure) -> Bool {
        try hasRoom { () throws(Errno) in
            try attempt(source.descriptor, bytes, with: descriptors, route)
        }
    }

    /// Makes an attempt, and returns whether there was buffer space for it.
    @inline(__always)
    private func hasRoom(_ attempt: () throws(Errno) -> Void) throws(WaitFailure) -> Bool {
        do throws(Errno) {
            try attempt()
            return true
        } catch {
            if source.lifetime.isClosed { throw WaitFailure(.closed) }
            guard error != .wouldBlock, error != .interrupted else { return false }
            throw WaitFailure(.system(error))
        }
    }

    @inline(__always)
    private func attempt(
        _ descriptor: Int32, _ bytes: RawSpan, _ route: Route
    ) throws(Errno) {
        try bytes.withUnsafeBytes { bytes throws(Errno) in
            _ =
                switch (route.remote, route.local) {
                case (let remote?, let local?):
                    try System.sendmsg(descriptor, bytes, .dontWait, to: remote, from: local)
                case (let remote?, nil):
                    try System.sendto(descriptor, bytes, .dontWait, remote)
                case (nil, _):
                    try System.send(descriptor, bytes, .dontWait)
                }
        }
    }

    @inline(never)
    func attempt(
        _ descriptor: Int32, _ bytes: RawSpan, with descriptors: [Int32]?, _ route: Route
    ) throws(Errno) {
        guard let descriptors else { return try attempt(descriptor, bytes, route) }
        try bytes.withUnsafeBytes { bytes throws(Errno) in
            _ = try System.sendmsg(
                descriptor, bytes, with: descriptors, to: route.remote, .dontWait)
        }
    }
}
