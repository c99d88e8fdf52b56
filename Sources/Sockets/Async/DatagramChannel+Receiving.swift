internal import SystemPackage

extension DatagramChannel {
    /// Waits for one datagram, and returns it with its sender and its destination address.
    ///
    /// A datagram may be empty. If it is longer than `count`, it is truncated and
    /// ``Datagram/isTruncated`` is true. A connected channel throws the ICMP errors of earlier
    /// datagrams, and an unconnected channel ignores such errors. The corresponding C call for Unix
    /// sockets is recvfrom(2). For UDP, it is recvmmsg(2), with up to 16 datagrams at once.
    ///
    /// ```swift
    /// let datagram = try await channel.receive(timeout: .seconds(1))
    /// print(datagram.sender, datagram.bytes.count)
    /// ```
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes.
    ///   - timeout: How long to wait.
    /// - Returns: The datagram.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)``, for example with `.connectionRefused`, if the channel
    ///     is connected and an earlier datagram could not be delivered.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No datagram is lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No datagram is lost.
    ///   - ``SocketError/Cause/busy`` if another task is already receiving.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func receive(
        atMost count: Int = .max, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Datagram {
        try beginReceiving()
        defer { source.endReading() }
        let (bytes, header) = try await next(atMost: count, timeout)
        return Datagram(
            bytes: Array(bytes), sender: header.sender, localAddress: header.localAddress,
            isTruncated: header.isTruncated)
    }

    /// Waits for one datagram, and copies it to the beginning of a buffer.
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes. A datagram that does not fit is truncated.
    ///   - timeout: How long to wait.
    /// - Returns: The sender, the addresses and the lengths of the datagram.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)``, for example with `.connectionRefused`, if the channel
    ///     is connected and an earlier datagram could not be delivered.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No datagram is lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No datagram is lost.
    ///   - ``SocketError/Cause/busy`` if another task is already receiving.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func receive(
        into buffer: inout MutableRawSpan, timeout: TimeLimit = .never
    ) async throws(SocketError) -> DatagramHeader {
        try beginReceiving()
        defer { source.endReading() }
        let (bytes, header) = try await next(atMost: buffer.byteCount, timeout)
        buffer.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
        return header
    }

    /// Waits for one datagram, and calls `body` with its bytes without copying them.
    ///
    /// `body` may reply at once.
    ///
    /// ```swift
    /// try await channel.withReceived { bytes, header in
    ///     try await channel.reply(to: header, with: bytes)
    /// }
    /// ```
    ///
    /// No other task can receive before `body` has returned.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for the datagram.
    ///   - body: The code that uses the datagram.
    /// - Returns: The result of `body`.
    /// - Throws: ``SocketError`` with one of these causes, or the error of `body`:
    ///   - ``SocketError/Cause/system(_:)``, for example with `.connectionRefused`, if the channel
    ///     is connected and an earlier datagram could not be delivered.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No datagram is lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No datagram is lost.
    ///   - ``SocketError/Cause/busy`` if another task is already receiving.
    ///   - ``SocketError/Cause/closed`` if the channel was closed on this side.
    public func withReceived<Result>(
        timeout: TimeLimit = .never,
        _ body: (_ bytes: RawSpan, _ header: DatagramHeader) async throws -> Result
    ) async throws -> Result {
        try beginReceiving()
        defer { source.endReading() }
        let (bytes, header) = try await next(atMost: .max, timeout)
        // Safe because the memory belongs to the channel, and only the receiving task uses it.
        return try await body(RawSpan(_unsafeBytes: bytes), header)
    }

    func beginReceiving() throws(SocketError) {
        do throws(WaitFailure) {
            try source.beginReading()
        } catch {
            throw failure(.receive, error.cause)
        }
    }

    /// Waits for one datagram.
    ///
    /// The returned memory is valid until the next receive.
    @inline(__always)
    private func next(
        atMost count: Int, _ timeout: TimeLimit
    ) async throws(SocketError) -> (UnsafeRawBufferPointer, DatagramHeader) {
        if family == .unix { return try await nextUnixDatagram(memory.room(for: count), timeout) }
        let datagram = try await nextInternetDatagram(timeout)
        let bytes = UnsafeRawBufferPointer(rebasing: datagram.bytes.prefix(Swift.max(0, count)))
        let header = DatagramHeader(
            count: bytes.count, originalCount: datagram.originalCount,
            sender: SocketAddress(datagram.sender),
            localAddress: usesPacketInfo
                ? datagram.local.flatMap {
                    SocketAddress(destination: $0, port: localAddress.port ?? 0)
                } : localAddress)
        return (bytes, header)
    }

    @inline(__always)
    private func nextInternetDatagram(
        _ timeout: TimeLimit
    ) async throws(SocketError) -> ReceivedDatagram {
        var deadline = Deadline(timeout)
        do throws(WaitFailure) {
            // Yield to other tasks here, because a queued datagram is returned without a call of
            // `perform`, which would yield.
            if !queue.isEmpty { try await source.yieldIfNeeded() }
            if source.shouldStop { throw WaitFailure(.cancelled) }
            while true {
                if let datagram = queue.next() { return datagram }
                try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                    try refill(from: descriptor)
                }
            }
        } catch {
            throw failure(.receive, error.cause)
        }
    }

    /// Receives the available datagrams.
    @inline(__always)
    private func refill(from descriptor: Int32) throws(Errno) {
        let isDrained = try skippingPendingErrors { () throws(Errno) in
            try queue.refill(from: descriptor)
        }
        // Mark reading as ready, because more datagrams may be available and no event would report
        // them.
        if !isDrained { source.reading.word.setReady() }
    }

    private func nextUnixDatagram(
        _ room: UnsafeMutableRawBufferPointer, _ timeout: TimeLimit
    ) async throws(SocketError) -> (UnsafeRawBufferPointer, DatagramHeader) {
        try await performUnixReceive(timeout) { descriptor throws(Errno) in
            let (originalCount, sender) = try System.recvfrom(descriptor, room, Self.unixFlags)
            let bytes = UnsafeRawBufferPointer(rebasing: room.prefix(originalCount))
            let header = DatagramHeader(
                count: bytes.count, originalCount: originalCount, sender: SocketAddress(sender),
                localAddress: localAddress == .unnamed ? nil : localAddress)
            return (bytes, header)
        }
    }

    static let unixFlags: TransferFlags = [.fullLength, .dontWait]

    /// Waits until `attempt` has received a Unix datagram.
    ///
    /// The function is `@inline(always)`, so that a receive needs no additional async frame.
    @inline(always)
    func performUnixReceive<Result: ~Copyable>(
        _ timeout: TimeLimit, _ attempt: (Int32) throws(Errno) -> Result
    ) async throws(SocketError) -> Result {
        var deadline = Deadline(timeout)
        do throws(WaitFailure) {
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                let result = try skippingPendingErrors { () throws(Errno) in
                    try attempt(descriptor)
                }
                // Mark reading as ready, because more datagrams may be available and no event would
                // report them.
                source.reading.word.setReady()
                return result
            }
        } catch {
            throw failure(.receive, error.cause)
        }
    }

    /// Calls `receive`, and skips the errors of earlier datagrams unless the channel is connected.
    @inline(__always)
    private func skippingPendingErrors<Result: ~Copyable>(
        _ receive: () throws(Errno) -> Result
    ) throws(Errno) -> Result {
        while true {
            do throws(Errno) {
                return try receive()
            } catch {
                // Try again. The kernel reports each error only once, so the loop ends.
                guard !isConnected, Self.pendingErrors.contains(error) else { throw error }
            }
        }
    }

    /// The errors that ICMP reports about earlier datagrams.
    ///
    /// On an unconnected channel, such an error concerns only one of many destinations.
    private static let pendingErrors: [Errno] = [
        .connectionRefused, .connectionReset, .hostIsDown, .noRouteToHost, .networkUnreachable,
        .protocolNotAvailable, .protocolError, .messageTooLong, .permissionDenied,
    ]
}

extension DatagramChannel: AsyncSequence {
    /// A received datagram.
    public typealias Element = Datagram
    /// The error that receiving throws.
    public typealias Failure = SocketError

    /// An iterator over the datagrams of a channel.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let channel: DatagramChannel

        /// Waits for the next datagram.
        ///
        /// Returns `nil` when the channel has been closed.
        ///
        /// - Throws: ``SocketError`` with one of these causes:
        ///   - ``SocketError/Cause/system(_:)`` if the channel is connected and an earlier datagram
        ///     could not be delivered.
        ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No datagram is lost.
        ///   - ``SocketError/Cause/busy`` if another task is already receiving.
        public mutating func next() async throws(SocketError) -> Datagram? {
            do throws(SocketError) {
                return try await channel.receive()
            } catch {
                guard error.cause == .closed else { throw error }
                return nil
            }
        }

        /// Waits for the next datagram, in the isolation of `actor`.
        ///
        /// See ``next()``.
        ///
        /// - Throws: The errors of ``next()``.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(SocketError) -> Datagram? {
            try await next()
        }
    }

    /// Returns an iterator over the received datagrams, which ends when the channel is closed.
    ///
    /// Only one task at a time may receive. A second task that receives gets
    /// ``SocketError/Cause/busy``.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(channel: self) }
}
