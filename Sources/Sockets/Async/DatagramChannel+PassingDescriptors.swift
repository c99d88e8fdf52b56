public import SystemPackage

// Descriptors over Unix sockets.
extension DatagramChannel {
    /// Sends one datagram with descriptors to the peer of a connected Unix channel: sendmsg(2) with
    /// `SCM_RIGHTS`.
    ///
    /// The peer receives duplicates with the datagram, and this process keeps its own descriptors:
    ///
    /// ```swift
    /// try await listener.withFileDescriptor { descriptor in
    ///     try await channel.send("listener", descriptors: [descriptor])
    /// }
    /// ```
    ///
    /// If the queue of the peer is full, the call waits.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the datagram, which may be empty.
    ///   - descriptors: The descriptors, at most 253. They must stay open until the call returns.
    ///   - timeout: How long to wait for buffer space.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the channel is not a Unix channel, or if there
    ///     are more than 253 descriptors.
    ///   - The errors of ``send(_:timeout:)-(RawSpan,_)``.
    public func send(
        _ bytes: RawSpan, descriptors: [FileDescriptor], timeout: TimeLimit = .never
    ) async throws(SocketError) {
        let numbers = try numbers(of: descriptors, with: bytes, to: nil)
        _ = try await send(bytes, with: numbers, to: nil, from: nil, timeout)
    }

    /// Sends the bytes of an array as one datagram with descriptors to the peer of a connected Unix
    /// channel; see ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: The errors of ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    public func send(
        _ bytes: [UInt8], descriptors: [FileDescriptor], timeout: TimeLimit = .never
    ) async throws(SocketError) {
        try await send(bytes.span.bytes, descriptors: descriptors, timeout: timeout)
    }

    /// Sends a string in UTF-8 as one datagram with descriptors to the peer of a connected Unix
    /// channel; see ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: The errors of ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    public func send(
        _ text: String, descriptors: [FileDescriptor], timeout: TimeLimit = .never
    ) async throws(SocketError) {
        try await send(text.utf8.span.bytes, descriptors: descriptors, timeout: timeout)
    }

    /// Sends one datagram with descriptors to a Unix address: sendmsg(2) with `SCM_RIGHTS`.
    ///
    /// ```swift
    /// var message = try await channel.receive(descriptorsAtMost: 1)
    /// try await channel.send("log", to: message.sender, descriptors: [log])
    /// ```
    ///
    /// The receiver gets duplicates with the datagram, and this process keeps its own descriptors.
    /// If the queue of the receiver is full, the call retries every few milliseconds.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the datagram, which may be empty.
    ///   - address: The destination.
    ///   - descriptors: The descriptors, at most 253. They must stay open until the call returns.
    ///   - timeout: How long to wait for buffer space.
    /// - Returns: Whether the datagram was sent; see ``send(_:to:timeout:)-(RawSpan,_,_)``.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the channel is not a Unix channel, or if there
    ///     are more than 253 descriptors.
    ///   - The errors of ``send(_:to:timeout:)-(RawSpan,_,_)``.
    @discardableResult
    public func send(
        _ bytes: RawSpan, to address: SocketAddress, descriptors: [FileDescriptor],
        timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        let numbers = try numbers(of: descriptors, with: bytes, to: address)
        return try await send(bytes, with: numbers, to: address, from: nil, timeout)
    }

    /// Sends the bytes of an array as one datagram with descriptors to a Unix address; see
    /// ``send(_:to:descriptors:timeout:)-(RawSpan,_,_,_)``.
    ///
    /// - Throws: The errors of ``send(_:to:descriptors:timeout:)-(RawSpan,_,_,_)``.
    @discardableResult
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, descriptors: [FileDescriptor],
        timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await send(bytes.span.bytes, to: address, descriptors: descriptors, timeout: timeout)
    }

    /// Sends a string in UTF-8 as one datagram with descriptors to a Unix address; see
    /// ``send(_:to:descriptors:timeout:)-(RawSpan,_,_,_)``.
    ///
    /// - Throws: The errors of ``send(_:to:descriptors:timeout:)-(RawSpan,_,_,_)``.
    @discardableResult
    public func send(
        _ text: String, to address: SocketAddress, descriptors: [FileDescriptor],
        timeout: TimeLimit = .never
    ) async throws(SocketError) -> Bool {
        try await send(
            text.utf8.span.bytes, to: address, descriptors: descriptors, timeout: timeout)
    }

    /// Returns the numbers of the descriptors, or `nil` if there are none.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if they cannot be sent.
    private func numbers(
        of descriptors: [FileDescriptor], with bytes: RawSpan, to remote: SocketAddress?
    ) throws(SocketError) -> [Int32]? {
        if let cause = DescriptorMessage.objection(
            to: descriptors, with: bytes.byteCount, family, .datagram, usesTLS: false)
        {
            throw failure(.send, cause, remote: remote)
        }
        return descriptors.isEmpty ? nil : descriptors.map(\.rawValue)
    }

    /// Waits for one datagram on a Unix channel, and returns it with its sender and the descriptors
    /// that were sent with it: recvmsg(2) with `SCM_RIGHTS` and `MSG_CMSG_CLOEXEC`.
    ///
    /// ```swift
    /// var message = try await channel.receive(descriptorsAtMost: 1)
    /// if let descriptor = message.takeDescriptor() {
    ///     let listener = try Listener(adopting: Socket(adopting: descriptor))
    /// }
    /// ```
    ///
    /// The descriptors have close-on-exec, and the returned message owns them. A datagram may be
    /// empty. If it is longer than `count`, it is truncated and ``DescriptorMessage/isTruncated``
    /// is true. A receive without `descriptorsAtMost:` discards descriptors. The blocking
    /// counterpart is ``Socket/receive(atMost:descriptorsAtMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes.
    ///   - limit: The maximum number of descriptors. Values above 253 mean 253.
    ///   - timeout: How long to wait.
    /// - Returns: The message.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the channel is not a Unix channel.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the datagram has more descriptors than
    ///     `limit`. All descriptors of the datagram are then closed, ``SocketError/partialBytes``
    ///     contains its bytes, and ``SocketError/remoteAddress`` is its sender.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if this process has no free
    ///     descriptor. All descriptors of the datagram are then closed,
    ///     ``SocketError/partialBytes`` contains its bytes, and ``SocketError/remoteAddress`` is
    ///     its sender.
    ///   - The errors of ``receive(atMost:timeout:)``.
    public func receive(
        atMost count: Int = .max, descriptorsAtMost limit: Int, timeout: TimeLimit = .never
    ) async throws(SocketError) -> DescriptorMessage {
        if let cause = DescriptorMessage.objection(family, usesTLS: false) {
            throw failure(.receive, cause)
        }
        try beginReceiving()
        defer { source.endReading() }
        let message = try await performUnixReceive(timeout) {
            descriptor throws(Errno) -> DescriptorMessage in
            try DescriptorMessage(
                receivedFrom: descriptor, into: memory.room(for: count), descriptorsAtMost: limit,
                reportsSender: true, Self.unixFlags)
        }
        if let cause = message.truncation {
            throw failure(.receive, cause, remote: message.sender)
                .with(partialBytes: message.bytes)
        }
        return message
    }
}
