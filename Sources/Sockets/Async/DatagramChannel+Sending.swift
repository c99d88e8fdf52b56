internal import SystemPackage

// Datagrams that go.
extension DatagramChannel {
    /// Sends one datagram to an address: sendto(2); false if nobody can be reached there.
    ///
    /// No bytes are a datagram too. Success says that the datagram left, not that it arrived.
    /// Broadcast addresses need the option `.broadcast`. Where there is no room, it waits; for a
    /// Unix peer that does not receive, by asking again every few milliseconds, because the kernel
    /// does not tell when there is room.
    ///
    /// Senders' addresses can be forged, and senders may be gone. So that none of them can stop a
    /// server which answers everybody, a channel that strangers can send to takes it for a loss on
    /// the way when there is no such peer, no way there, a firewall in between, or no return address
    /// at all (port 0, `.unnamed`, the broadcast address of a network, 0.0.0.0 with the channel's own
    /// port, which would come back to itself): then nothing was sent, and the result is false. A
    /// channel that is connected, or a Unix one without a name, throws what the kernel says.
    ///
    /// - Throws: `.system`: `.messageTooLong`, `.noBufferSpace`, `.permissionDenied` (to
    ///   255.255.255.255 without the option `.broadcast`; nobody can send from there); where
    ///   strangers cannot send, also `.networkUnreachable`, `.invalidArgument` (e.g. port 0),
    ///   `.connectionRefused` (no such Unix peer; connected: an earlier datagram found nobody, and
    ///   this one was not sent); `.timedOut`, `.cancelled`, `.closed`; `.busy` while another task
    ///   waits for room.
    @discardableResult
    public func send(
        _ bytes: RawSpan, to address: SocketAddress, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await send(bytes, to: address, from: nil, timeout)
    }

    /// Sends the bytes of an array as one datagram; see `send(_: RawSpan, to:timeout:)`.
    @discardableResult
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await send(bytes.span.bytes, to: address, from: nil, timeout)
    }

    /// Sends a string as one datagram of UTF-8; see `send(_: RawSpan, to:timeout:)`.
    @discardableResult
    public func send(
        _ text: String, to address: SocketAddress, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await send(text.utf8.span.bytes, to: address, from: nil, timeout)
    }

    /// Sends one datagram to the peer of a connected channel: send(2).
    ///
    /// - Throws: `.system(.destinationAddressRequired)` or `.system(.socketNotConnected)` if it is
    ///   not connected; as `send(_: RawSpan, to:timeout:)`.
    public func send(
        _ bytes: RawSpan, timeout: TimeLimit = .never
    ) async throws(SocketError) {
        _ = try await send(bytes, to: nil, from: nil, timeout)
    }

    /// Sends the bytes of an array as one datagram; see `send(_: RawSpan, timeout:)`.
    public func send(
        _ bytes: [UInt8], timeout: TimeLimit = .never
    ) async throws(SocketError) {
        _ = try await send(bytes.span.bytes, to: nil, from: nil, timeout)
    }

    /// Sends a string as one datagram of UTF-8; see `send(_: RawSpan, timeout:)`.
    public func send(
        _ text: String, timeout: TimeLimit = .never
    ) async throws(SocketError) {
        _ = try await send(text.utf8.span.bytes, to: nil, from: nil, timeout)
    }

    /// Answers a datagram: sends one to its sender, from the address that it came to; false if nobody
    /// can be reached there, or not from that address. See `send(_: RawSpan, to:timeout:)`.
    ///
    /// A machine has many addresses, and a sender who asked one of them takes no answer from
    /// another. `IP_PKTINFO`, `IPV6_PKTINFO` (RFC 3542). Who calls himself 0.0.0.0 or `::` is not
    /// answered: the answer would go to a service of this machine. Without a limit, a Unix sender
    /// who does not receive is given a second to make room; then the answer is lost, and the result
    /// false.
    ///
    /// - Throws: as `send(_: RawSpan, to:timeout:)`.
    @discardableResult
    public func reply(
        to header: DatagramHeader, with bytes: RawSpan, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await reply(bytes, to: header.sender, from: header.localAddress, timeout)
    }

    /// Answers a datagram; see `reply(to: DatagramHeader, with:timeout:)`.
    @discardableResult
    public func reply(
        to datagram: Datagram, with bytes: RawSpan, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await reply(bytes, to: datagram.sender, from: datagram.localAddress, timeout)
    }

    /// Answers a datagram with the bytes of an array; see
    /// `reply(to: DatagramHeader, with:timeout:)`.
    @discardableResult
    public func reply(
        to datagram: Datagram, with bytes: [UInt8], timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await send(bytes.span.bytes, to: datagram.sender, from: datagram.localAddress, timeout)
    }

    /// Answers a datagram with a string as UTF-8; see `reply(to: DatagramHeader, with:timeout:)`.
    @discardableResult
    public func reply(
        to datagram: Datagram, with text: String, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        let bytes = text.utf8.span.bytes
        return try await reply(bytes, to: datagram.sender, from: datagram.localAddress, timeout)
    }

    @inline(__always)
    private func reply(
        _ bytes: RawSpan, to sender: SocketAddress, from local: SocketAddress?,
        _ timeout: TimeLimit
    ) async throws(SocketError) -> Bool {
        if sender.ip?.isUnspecified == true { return false }
        if family == .unix, timeout == .never, isOpenToStrangers {
            return try await replyPatiently(bytes, to: sender)
        }
        return try await send(bytes, to: sender, from: local, timeout)
    }

    /// A stranger who does not receive must not keep the others from their answers.
    @inline(never)
    private func replyPatiently(
        _ bytes: RawSpan, to sender: SocketAddress
    ) async throws(SocketError) -> Bool {
        do throws(SocketError) {
            return try await send(bytes, to: sender, from: nil, .seconds(1))
        } catch {
            guard case .timedOut = error.cause else { throw error }
            return false
        }
    }

    /// Sends at once, and waits only if there is no room.
    @inline(__always)
    private func send(
        _ bytes: RawSpan, to remote: SocketAddress?, from local: SocketAddress?,
        _ timeout: TimeLimit
    ) async throws(SocketError) -> Bool {
        guard source.enter() else { throw failure(.send, .closed, remote: remote) }
        defer { source.leave() }
        await source.takeTurn()
        do throws(EndOfWait) {
            if let remote, isOpenToStrangers, !isReturnAddress(remote) { return false }
            let route = try route(to: remote, from: local)
            if try !sendAtOnce(bytes, route) { try await sendWaiting(bytes, route, timeout) }
            return true
        } catch {
            if let remote, isOpenToStrangers, isLossOnTheWay(error.cause, to: remote) {
                return false
            }
            throw failure(.send, error.cause, remote: remote)
        }
    }

    /// Whether datagrams come from anybody, and so the addresses to which they are answered.
    private var isOpenToStrangers: Bool { !isConnected && localAddress != .unnamed }

    /// Whether a datagram that came from here can be answered; a port of 0 says that no answer is
    /// wanted (RFC 768).
    ///
    /// The kernel takes 0.0.0.0 for this machine, and lets through who calls himself so when he sends
    /// to everybody: an answer to our own port would be answered by us, and so on for ever.
    private func isReturnAddress(_ address: SocketAddress) -> Bool {
        guard let port = address.port else { return address != .unnamed }
        return port != 0 && !(port == localAddress.port && address.ip?.isUnspecified == true)
    }

    /// Whether it is about a single destination, and not about the channel or its user.
    private func isLossOnTheWay(_ cause: SocketError.Cause, to remote: SocketAddress) -> Bool {
        guard case .system(let code) = cause else { return false }
        if family == .unix { return Self.lossesOnUnix.contains(code) }
        // Who sends to everybody has forgotten the option `.broadcast`. But the broadcast address of
        // a network looks like any other, and can be forged as a sender's.
        if code == .permissionDenied { return remote.ip != .v4(.broadcast) }
        return Self.lossesOnIP.contains(code)
    }

    /// There is no way; or not from our address, to which the question came, and which is for this
    /// machine alone or has meanwhile been taken from us.
    private static let lossesOnIP: [Errno] = [
        .networkUnreachable, .noRouteToHost, .hostIsDown, .networkDown, .notPermitted,
        .invalidArgument, .addressNotAvailable,
    ]

    /// A peer may have gone, and put something else where it was, or locked the way to it.
    private static let lossesOnUnix: [Errno] = [
        .connectionRefused, .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels,
        .permissionDenied, .protocolWrongTypeForSocket,
    ]

    /// Where a datagram goes, and where from, as the kernel takes it.
    private struct Route {
        var remote: RawSocketAddress?
        var local: PacketAddress?
    }

    @inline(__always)
    private func route(
        to remote: SocketAddress?, from local: SocketAddress?
    ) throws(EndOfWait) -> Route {
        guard let remote else { return Route() }
        do throws(Errno) {
            // Who has one address sends from it anyway.
            return Route(
                remote: try remote.raw(for: family),
                local: asksForLocalAddress ? try local?.packetAddress : nil)
        } catch {
            throw EndOfWait(.system(error))
        }
    }

    /// One attempt, which needs no turn: a datagram is sent whole. False if there is no room.
    @inline(__always)
    private func sendAtOnce(_ bytes: RawSpan, _ route: Route) throws(EndOfWait) -> Bool {
        do throws(Errno) {
            try attempt(source.descriptor, bytes, route)
            return true
        } catch {
            if source.gate.isClosed { throw EndOfWait(.closed) }
            guard error != .wouldBlock, error != .interrupted else { return false }
            throw EndOfWait(.system(error))
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
                    try System.sendmsg(descriptor, bytes, [], to: remote, from: local)
                case (let remote?, nil):
                    try System.sendto(descriptor, bytes, [], remote)
                case (nil, _):
                    try System.send(descriptor, bytes, [])
                }
        }
    }

    /// Waits until there is room.
    @inline(never)
    private func sendWaiting(
        _ bytes: RawSpan, _ route: Route, _ timeout: TimeLimit
    ) async throws(EndOfWait) {
        try source.begin(.writing)
        defer { source.end(.writing) }
        var deadline = WaitDeadline(timeout)
        // What made it not ready may have been another datagram, to another peer.
        source.writing.word.setReady()
        guard family == .unix, route.remote != nil else {
            try tellOfRoom(true)
            // Fails only if the kernel has no memory; being told too much does no harm.
            defer { try? tellOfRoom(false) }
            return try await send(bytes, route, &deadline)
        }
        // The kernel calls a Unix socket writable whatever the peer's queue: it has to be asked.
        for pause in sequence(first: Int64(1), next: { Swift.min(2 * $0, 16) }) {
            var slice = deadline.slice(milliseconds: pause)
            do throws(EndOfWait) {
                return try await send(bytes, route, &slice)
            } catch {
                guard case .timedOut = error.cause else { throw error }
                guard !deadline.hasPassed else { throw EndOfWait(deadline.cause) }
            }
            source.writing.word.setReady()
        }
    }

    private func tellOfRoom(_ isWanted: Bool) throws(EndOfWait) {
        do throws(Errno) {
            try source.loop.change(source, toldOfRoom: isWanted)
        } catch {
            throw EndOfWait(.system(error))
        }
    }

    private func send(
        _ bytes: RawSpan, _ route: Route, _ deadline: inout WaitDeadline
    ) async throws(EndOfWait) {
        try await source.perform(.writing, &deadline) { descriptor throws(Errno) in
            try attempt(descriptor, bytes, route)
            source.writing.word.setReady()
        }
    }
}

extension SocketAddress {
    /// The address without its port, as a datagram is sent from it; nil where there is none.
    fileprivate var packetAddress: PacketAddress? {
        get throws(Errno) {
            guard let family, family != .unix else { return nil }
            return try raw(for: family).content
        }
    }
}
