internal import SystemPackage

extension PacketConnection {
    /// Waits for one packet: recvmsg(2).
    ///
    /// ```swift
    /// guard let packet = try await connection.receive(timeout: .seconds(1)) else { return }
    /// print(packet.text)
    /// ```
    ///
    /// A packet may be empty. If it is longer than `count`, it is truncated and
    /// ``Packet/isTruncated`` is true. Descriptors that were sent with the packet are closed. The
    /// blocking counterpart is ``Socket/receivePacket(atMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes.
    ///   - timeout: How long to wait.
    /// - Returns: The packet, or `nil` if the peer has closed or half-closed the connection and all
    ///   of its packets have been received.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `connectionReset` if the peer closed the
    ///     connection before it had received all packets. The packets that the peer sent are
    ///     received first.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No packet is lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No packet is lost.
    ///   - ``SocketError/Cause/busy`` if another task is already receiving.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func receive(
        atMost count: Int = .max, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Packet? {
        try await perform(timeout) { descriptor throws(Errno) -> Packet? in
            let room = memory.room(for: count)
            guard let originalCount = try receive(descriptor, into: room) else { return nil }
            let bytes = UnsafeRawBufferPointer(rebasing: room.prefix(originalCount))
            return Packet(bytes: [UInt8](bytes), originalCount: originalCount)
        }
    }

    /// Waits for one packet, and copies it to the beginning of a buffer; see
    /// ``receive(atMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes. A packet that does not fit is truncated.
    ///   - timeout: How long to wait.
    /// - Returns: The length of the packet, which exceeds the size of the buffer if the packet was
    ///   truncated, or `nil` at the end of the connection.
    /// - Throws: The errors of ``receive(atMost:timeout:)``.
    public func receive(
        into buffer: inout MutableRawSpan, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Int? {
        try await perform(timeout) { descriptor throws(Errno) -> Int? in
            try buffer.withUnsafeMutableBytes { room throws(Errno) -> Int? in
                try receive(descriptor, into: room)
            }
        }
    }

    /// Waits for one packet, and returns it with the descriptors that were sent with it: recvmsg(2)
    /// with `SCM_RIGHTS` and `MSG_CMSG_CLOEXEC`.
    ///
    /// ```swift
    /// if var message = try await connection.receive(descriptorsAtMost: 1),
    ///     let descriptor = message.takeDescriptor()
    /// {
    ///     let listener = try Listener(adopting: Socket(adopting: descriptor))
    /// }
    /// ```
    ///
    /// The descriptors have close-on-exec, and the returned message owns them.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes.
    ///   - limit: The maximum number of descriptors. Values above 253 mean 253.
    ///   - timeout: How long to wait.
    /// - Returns: The message, or `nil` at the end of the connection.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the packet has more descriptors than `limit`.
    ///     All descriptors of the packet are then closed, and ``SocketError/partialBytes`` contains
    ///     its bytes.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if this process has no free
    ///     descriptor. All descriptors of the packet are then closed, and
    ///     ``SocketError/partialBytes`` contains its bytes.
    ///   - The errors of ``receive(atMost:timeout:)``.
    public func receive(
        atMost count: Int = .max, descriptorsAtMost limit: Int, timeout: TimeLimit = .never
    ) async throws(SocketError) -> DescriptorMessage? {
        let message = try await perform(timeout) {
            descriptor throws(Errno) -> DescriptorMessage in
            let message = try receivingBeforeReset { () throws(Errno) -> DescriptorMessage in
                try DescriptorMessage(
                    receivedFrom: descriptor, into: memory.room(for: count),
                    descriptorsAtMost: limit, Self.flags)
            }
            if message.isEnd { try checkEnd(of: descriptor) }
            return message
        }
        if message.isEnd { return nil }
        if let cause = message.truncation {
            throw failure(.receive, cause).with(partialBytes: message.bytes)
        }
        return message
    }

    private static let flags: TransferFlags = [.dontWait, .fullLength]

    /// Waits until `attempt` has received a packet or the end of the connection.
    @inline(__always)
    private func perform<Result: ~Copyable>(
        _ timeout: TimeLimit, _ attempt: (Int32) throws(Errno) -> Result
    ) async throws(SocketError) -> Result {
        do throws(WaitFailure) {
            try source.beginReading()
            defer { source.endReading() }
            var deadline = Deadline(timeout)
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                let result = try attempt(descriptor)
                // More packets may be available, and no event would report them.
                source.reading.word.setReady()
                return result
            }
        } catch {
            throw failure(.receive, error.cause)
        }
    }

    /// Receives one packet, and returns its length or `nil` at the end of the connection.
    private func receive(
        _ descriptor: Int32, into room: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int? {
        let message = try receivingBeforeReset { () throws(Errno) -> ReceivedMessage in
            try System.recvmsg(descriptor, room, descriptorsAtMost: 0, Self.flags)
        }
        guard message.isEnd else { return message.size }
        try checkEnd(of: descriptor)
        return nil
    }

    /// Calls `receive`, and calls it again if the kernel reports a reset.
    ///
    /// The kernel reports a reset before it delivers the packets that the peer sent earlier. So the
    /// reset is noted, and a receive throws it after these packets.
    private func receivingBeforeReset<Result: ~Copyable>(
        _ receive: () throws(Errno) -> Result
    ) throws(Errno) -> Result {
        do throws(Errno) {
            return try receive()
        } catch {
            let isFirst = !brokenBy.hasOccurred
            brokenBy.note(error)
            guard isFirst, error == .connectionReset else { throw error }
            return try receive()
        }
    }

    /// Throws an error if recvmsg(2) has reported the end of the connection because of a close on
    /// this side or a reset.
    private func checkEnd(of descriptor: Int32) throws(Errno) {
        // The kernel also reports the end of the connection after the shutdown in `close`.
        if source.lifetime.isClosed { throw .badFileDescriptor }
        if let error = brokenBy.atEnd(of: descriptor) { throw error }
    }
}

extension PacketConnection: AsyncSequence {
    /// A received packet.
    public typealias Element = Packet
    /// The error that receiving throws.
    public typealias Failure = SocketError

    /// An iterator over the packets of a connection.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let connection: PacketConnection

        /// Waits for the next packet, in the isolation of `actor`.
        ///
        /// Returns `nil` at the end of the connection.
        ///
        /// - Throws: The errors of ``PacketConnection/receive(atMost:timeout:)``.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(SocketError) -> Packet? {
            try await connection.receive()
        }
    }

    /// Returns an iterator over the received packets, which ends at the end of the connection.
    ///
    /// ```swift
    /// for try await packet in connection { try await connection.send(packet.bytes) }
    /// ```
    ///
    /// Only one task at a time may receive. A second task that receives gets
    /// ``SocketError/Cause/busy``. A program that leaves the loop and then calls `receive` loses no
    /// packet.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: self) }
}
