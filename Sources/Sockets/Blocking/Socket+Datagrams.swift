internal import SystemPackage

// Datagrams with an address: sendto and recvfrom.
extension Socket {
    /// Sends one datagram to an address: sendto(2).
    ///
    /// ```swift
    /// try socket.send("ping".utf8.span.bytes, to: .ipv4(.loopback, port: 51423))
    /// ```
    ///
    /// A datagram may be empty. Success means that the datagram was sent but not that it arrived.
    /// Broadcast addresses need the option `.broadcast`. The call blocks the thread while there is
    /// no buffer space; the async counterpart is `DatagramChannel.send(_:to:timeout:)`.
    ///
    /// - Parameters:
    ///   - bytes: The bytes of the datagram.
    ///   - address: The receiver.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: The number of bytes that were sent.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with one of these errors, or with another error of the
    ///     kernel:
    ///     - `messageTooLong` if the datagram is too long.
    ///     - `permissionDenied` if the address is a broadcast address and the option `.broadcast`
    ///       is not set.
    ///     - `networkUnreachable` if there is no route to the address.
    ///     - `noSuchFileOrDirectory` if the path of the Unix address does not exist.
    ///     - `connectionRefused` if the path exists but no socket is bound to it, or if no socket
    ///       is bound to the abstract name.
    ///     - `connectionRefused` if the socket is a connected UDP socket and the peer's host
    ///       rejected an earlier datagram. The new datagram is not sent.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the peer or the kernel had no buffer space in
    ///     time.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the address has another family.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(
        _ bytes: RawSpan, to address: SocketAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        let deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            let raw = try address.raw(for: family, .send)
            return try bytes.withUnsafeBytes { bytes throws(SocketError) in
                try perform(.send, .sending, sendPlan, deadline) {
                    descriptor, flags throws(Errno) in
                    try System.sendto(descriptor, bytes, flags, raw)
                }
            }
        } catch {
            throw failure(error.operation, error.cause, remote: address)
        }
    }

    /// Sends the bytes of an array as one datagram; see ``send(_:to:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with one of these errors, or with another error of the
    ///     kernel:
    ///     - `messageTooLong` if the datagram is too long.
    ///     - `permissionDenied` if the address is a broadcast address and the option `.broadcast`
    ///       is not set.
    ///     - `networkUnreachable` if there is no route to the address.
    ///     - `noSuchFileOrDirectory` if the path of the Unix address does not exist.
    ///     - `connectionRefused` if the path exists but no socket is bound to it, or if no socket
    ///       is bound to the abstract name.
    ///     - `connectionRefused` if the socket is a connected UDP socket and the peer's host
    ///       rejected an earlier datagram. The new datagram is not sent.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the peer or the kernel had no buffer space in
    ///     time.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the address has another family.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(bytes.span.bytes, to: address, timeout: timeout)
    }

    /// Sends a string as one datagram of UTF-8; see ``send(_:to:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with one of these errors, or with another error of the
    ///     kernel:
    ///     - `messageTooLong` if the datagram is too long.
    ///     - `permissionDenied` if the address is a broadcast address and the option `.broadcast`
    ///       is not set.
    ///     - `networkUnreachable` if there is no route to the address.
    ///     - `noSuchFileOrDirectory` if the path of the Unix address does not exist.
    ///     - `connectionRefused` if the path exists but no socket is bound to it, or if no socket
    ///       is bound to the abstract name.
    ///     - `connectionRefused` if the socket is a connected UDP socket and the peer's host
    ///       rejected an earlier datagram. The new datagram is not sent.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the peer or the kernel had no buffer space in
    ///     time.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the address has another family.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(
        _ text: String, to address: SocketAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(text.utf8.span.bytes, to: address, timeout: timeout)
    }

    /// Receives one datagram and its sender: recvfrom(2).
    ///
    /// ```swift
    /// let datagram = try socket.receiveFrom(timeout: .seconds(5))
    /// try socket.send(datagram.bytes, to: datagram.sender)
    /// ```
    ///
    /// A datagram that is longer than `count` is truncated; see ``Datagram/isTruncated``. The call
    /// blocks the thread; the async counterpart is ``DatagramChannel/receive(atMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes to receive.
    ///   - timeout: The maximum time to wait.
    /// - Returns: The datagram and its sender.
    /// - Throws: The errors of ``receive(atMost:timeout:)``.
    public func receiveFrom(
        atMost count: Int = 65535, timeout: TimeLimit = .never
    ) throws(SocketError) -> Datagram {
        let deadline = Deadline(startingNow: timeout)
        var bytes: [UInt8] = []
        var header: DatagramHeader?
        _ = try bytes.append(atMost: count) { free throws(SocketError) in
            let received = try receiveFrom(free, deadline)
            header = received
            return received.count
        }
        return Datagram(
            bytes: bytes, sender: header?.sender ?? .unnamed,
            isTruncated: header?.isTruncated ?? false)
    }

    /// Receives one datagram into a buffer; see ``receiveFrom(atMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes.
    ///   - timeout: The maximum time to wait.
    /// - Returns: The size and the sender of the datagram.
    /// - Throws: The errors of ``receive(atMost:timeout:)``.
    public func receiveFrom(
        into buffer: inout MutableRawSpan, timeout: TimeLimit = .never
    ) throws(SocketError) -> DatagramHeader {
        try buffer.withUnsafeMutableBytes { bytes throws(SocketError) in
            try receiveFrom(bytes, Deadline(startingNow: timeout))
        }
    }

    private func receiveFrom(
        _ buffer: UnsafeMutableRawBufferPointer, _ deadline: Deadline
    ) throws(SocketError) -> DatagramHeader {
        let (originalCount, sender) = try perform(.receive, .receiving, .inKernel, deadline) {
            descriptor, flags throws(Errno) in
            try System.recvfrom(
                descriptor, buffer, type == .stream ? flags : flags.union(.fullLength))
        }
        return DatagramHeader(
            count: min(originalCount, buffer.count), originalCount: originalCount,
            sender: SocketAddress(sender))
    }
}
