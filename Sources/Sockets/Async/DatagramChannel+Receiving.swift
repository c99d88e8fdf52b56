internal import SystemPackage

// Datagrams that come.
extension DatagramChannel {
    /// Receives one datagram, and tells who sent it and where it came to.
    ///
    /// No bytes are a datagram too. One that is longer than `count` is cut, and says so. What ICMP
    /// tells of earlier datagrams is an error of a connected channel, and passed over by one that
    /// is open to everybody. The corresponding C calls are recvfrom(2) and, for UDP, recvmmsg(2), which brings up to 16.
    ///
    /// - Throws: `.system`: `.connectionRefused`, `.noRouteToHost` (connected only: an earlier
    ///   datagram found nobody); `.timedOut` and `.cancelled`, which lose nothing; `.busy`,
    ///   `.closed`.
    public func receive(
        atMost count: Int = 65535, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Datagram {
        try beginReceiving()
        defer { source.end(.reading) }
        let (bytes, header) = try await next(atMost: count, timeout)
        return Datagram(
            bytes: Array(bytes), sender: header.sender, localAddress: header.localAddress,
            isTruncated: header.isTruncated)
    }

    /// Receives one datagram into a buffer, from its beginning; see `receive(atMost:timeout:)`.
    public func receive(
        into buffer: inout MutableRawSpan, timeout: TimeLimit = .never
    ) async throws(SocketError) -> DatagramHeader {
        try beginReceiving()
        defer { source.end(.reading) }
        let (bytes, header) = try await next(atMost: buffer.byteCount, timeout)
        buffer.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
        return header
    }

    /// Lends one datagram to `body`, which may answer it at once; nothing is copied or allocated.
    ///
    /// ```swift
    /// try await channel.withReceived { bytes, header in
    ///     try await channel.reply(to: header, with: bytes)
    /// }
    /// ```
    ///
    /// Nobody else can receive before `body` has returned.
    ///
    /// - Throws: as `receive(atMost:timeout:)`, and what `body` throws.
    public func withReceived<Result>(
        timeout: TimeLimit = .never,
        _ body: (_ bytes: RawSpan, _ header: DatagramHeader) async throws -> Result
    ) async throws -> Result {
        try beginReceiving()
        defer { source.end(.reading) }
        let (bytes, header) = try await next(atMost: 65535, timeout)
        // Safe: the memory is the channel's, and nobody else uses it while this task receives.
        return try await body(RawSpan(_unsafeBytes: bytes), header)
    }

    private func beginReceiving() throws(SocketError) {
        do throws(EndOfWait) {
            try source.begin(.reading)
        } catch {
            throw failure(.receive, error.cause)
        }
    }

    /// One datagram, in memory that stays as it is until the next is received.
    @inline(__always)
    private func next(
        atMost count: Int, _ timeout: TimeLimit
    ) async throws(SocketError) -> (UnsafeRawBufferPointer, DatagramHeader) {
        if family == .unix { return try await nextOfUnix(inbox.room(for: count), timeout) }
        let datagram = try await nextOfInternet(timeout)
        let bytes = UnsafeRawBufferPointer(rebasing: datagram.bytes.prefix(Swift.max(0, count)))
        let header = DatagramHeader(
            count: bytes.count, originalCount: datagram.originalCount,
            sender: SocketAddress(datagram.sender),
            localAddress: asksForLocalAddress
                ? datagram.local.flatMap {
                    SocketAddress(destination: $0, port: localAddress.port ?? 0)
                } : localAddress)
        return (bytes, header)
    }

    @inline(__always)
    private func nextOfInternet(
        _ timeout: TimeLimit
    ) async throws(SocketError) -> ReceivedDatagram {
        // Others get their turn also when there is no system call.
        if !inbox.isEmpty { await source.takeTurn() }
        if source.hasToEnd { throw failure(.receive, .cancelled) }
        var deadline = WaitDeadline(timeout)
        while true {
            if let datagram = inbox.next() { return datagram }
            do throws(EndOfWait) {
                try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                    try refill(from: descriptor)
                }
            } catch {
                throw failure(.receive, error.cause)
            }
        }
    }

    /// Brings what is there.
    @inline(__always)
    private func refill(from descriptor: Int32) throws(Errno) {
        let isDrained = try passingOverErrors { () throws(Errno) in
            try inbox.refill(from: descriptor)
        }
        // Where there may be more, no event would tell.
        if !isDrained { source.reading.word.setReady() }
    }

    private func nextOfUnix(
        _ room: UnsafeMutableRawBufferPointer, _ timeout: TimeLimit
    ) async throws(SocketError) -> (UnsafeRawBufferPointer, DatagramHeader) {
        var deadline = WaitDeadline(timeout)
        do throws(EndOfWait) {
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                let (originalCount, sender) = try passingOverErrors { () throws(Errno) in
                    try System.recvfrom(descriptor, room, .fullLength)
                }
                // There may be more, and no event would tell.
                source.reading.word.setReady()
                let bytes = UnsafeRawBufferPointer(rebasing: room.prefix(originalCount))
                let header = DatagramHeader(
                    count: bytes.count, originalCount: originalCount, sender: SocketAddress(sender),
                    localAddress: localAddress == .unnamed ? nil : localAddress)
                return (bytes, header)
            }
        } catch {
            throw failure(.receive, error.cause)
        }
    }

    /// Receives, and goes on after what is told of datagrams that were sent, unless they all went to
    /// one peer.
    @inline(__always)
    private func passingOverErrors<Result>(
        _ receive: () throws(Errno) -> Result
    ) throws(Errno) -> Result {
        while true {
            do throws(Errno) {
                return try receive()
            } catch {
                // Each is told once, so that this comes to an end.
                guard !isConnected, Self.errorsOfEarlierDatagrams.contains(error) else {
                    throw error
                }
            }
        }
    }

    /// What ICMP tells of datagrams that were sent: without a peer it is about one of many.
    private static let errorsOfEarlierDatagrams: [Errno] = [
        .connectionRefused, .connectionReset, .hostIsDown, .noRouteToHost, .networkUnreachable,
        .protocolNotAvailable, .protocolError, .messageTooLong, .permissionDenied,
    ]
}

extension SocketAddress {
    /// Our address that a datagram came to; nil if it came to a group.
    init?(destination packet: PacketAddress, port: UInt16) {
        var packet = packet
        if case .ipv6(let high, let low, let port, _) = packet, high >> 54 != 0xFE80 >> 6 {
            // Only an address that is valid on one link has to say on which.
            packet = .ipv6(high: high, low: low, port: port, scope: 0)
        }
        self = SocketAddress(packet).with(port: port)
        guard ip?.isMulticast == false else { return nil }
    }
}

/// The datagrams, as they come.
extension DatagramChannel: AsyncSequence {
    /// One datagram.
    public typealias Element = Datagram
    /// What receiving throws.
    public typealias Failure = SocketError

    /// Receives one datagram after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let channel: DatagramChannel

        /// The next datagram; nil when the channel has been closed.
        ///
        /// - Throws: as `DatagramChannel.receive(atMost:timeout:)`.
        public mutating func next() async throws(SocketError) -> Datagram? {
            do throws(SocketError) {
                return try await channel.receive()
            } catch {
                guard error.cause == .closed else { throw error }
                return nil
            }
        }

        /// The next datagram; see `next()`.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(SocketError) -> Datagram? {
            try await next()
        }
    }

    /// Begins a loop; several loops take turns badly: a second one that waits gets `.busy`.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(channel: self)
    }
}
