public import SystemPackage

// Descriptors and credentials over Unix sockets.
extension Socket {
    /// Sends bytes with descriptors over a Unix socket: sendmsg(2) with `SCM_RIGHTS`.
    ///
    /// The peer receives duplicates, and this process keeps its own descriptors:
    ///
    /// ```swift
    /// try listener.withFileDescriptor { descriptor in
    ///     try socket.send("listener", descriptors: [descriptor])
    /// }
    /// ```
    ///
    /// On a stream, the call may send only a part of the bytes, as ``send(_:timeout:)-(RawSpan,_)``
    /// does. The descriptors then go with that part, so send the rest without them. On other
    /// sockets, the bytes are one message, which may be empty. The call blocks the thread while
    /// there is no buffer space; the async counterpart is
    /// `Connection.send(_:descriptors:timeout:)`, or that of `DatagramChannel` or
    /// `PacketConnection`.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to send. To send descriptors on a stream, at least one byte is needed.
    ///   - descriptors: The descriptors, at most 253. They must stay open until the call returns.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: The number of bytes that were sent.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket or uses TLS.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if there are more than 253 descriptors, or
    ///     descriptors without a byte on a stream.
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(
        _ bytes: RawSpan, descriptors: [FileDescriptor], timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        if let cause = DescriptorMessage.objection(
            to: descriptors, with: bytes.byteCount, family, type, usesTLS: tlsReference.isCreated)
        {
            throw failure(.send, cause)
        }
        if descriptors.isEmpty { return try send(bytes, timeout: timeout) }
        let numbers = descriptors.map(\.rawValue)
        return try bytes.withUnsafeBytes { bytes throws(SocketError) in
            try perform(.send, .sending, sendPlan, Deadline(startingNow: timeout)) {
                descriptor, flags throws(Errno) in
                try System.sendmsg(descriptor, bytes, with: numbers, flags)
            }
        }
    }

    /// Sends the bytes of an array with descriptors; see
    /// ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket or uses TLS.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if there are more than 253 descriptors, or
    ///     descriptors without a byte on a stream.
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(
        _ bytes: [UInt8], descriptors: [FileDescriptor], timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(bytes.span.bytes, descriptors: descriptors, timeout: timeout)
    }

    /// Sends a string as UTF-8 with descriptors; see
    /// ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket or uses TLS.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if there are more than 253 descriptors, or
    ///     descriptors without a byte on a stream.
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(
        _ text: String, descriptors: [FileDescriptor], timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(text.utf8.span.bytes, descriptors: descriptors, timeout: timeout)
    }

    /// Sends one datagram with descriptors to a Unix address: sendmsg(2) with `SCM_RIGHTS`.
    ///
    /// ```swift
    /// let message = try socket.receive(descriptorsAtMost: 1)
    /// try socket.send("log", to: message.sender, descriptors: [log])
    /// ```
    ///
    /// The receiver gets duplicates, and this process keeps its own descriptors. The datagram may
    /// be empty. The call blocks the thread while there is no buffer space; the async counterpart
    /// is ``DatagramChannel/send(_:to:descriptors:timeout:)-(RawSpan,_,_,_)``.
    ///
    /// - Parameters:
    ///   - bytes: The bytes of the datagram.
    ///   - address: The receiver.
    ///   - descriptors: The descriptors, at most 253. They must stay open until the call returns.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: The number of bytes that were sent.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket, or if there
    ///     are more than 253 descriptors, or descriptors without a byte on a stream.
    ///   - The errors of ``send(_:to:timeout:)-(RawSpan,_,_)``.
    @discardableResult
    public func send(
        _ bytes: RawSpan, to address: SocketAddress, descriptors: [FileDescriptor],
        timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        if let cause = DescriptorMessage.objection(
            to: descriptors, with: bytes.byteCount, family, type, usesTLS: tlsReference.isCreated)
        {
            throw failure(.send, cause, remote: address)
        }
        let numbers = descriptors.isEmpty ? nil : descriptors.map(\.rawValue)
        return try send(bytes, with: numbers, to: address, from: nil, timeout)
    }

    /// Sends the bytes of an array as one datagram with descriptors to a Unix address; see
    /// ``send(_:to:descriptors:timeout:)-(RawSpan,_,_,_)``.
    ///
    /// - Throws: The errors of ``send(_:to:descriptors:timeout:)-(RawSpan,_,_,_)``.
    @discardableResult
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, descriptors: [FileDescriptor],
        timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(bytes.span.bytes, to: address, descriptors: descriptors, timeout: timeout)
    }

    /// Sends a string in UTF-8 as one datagram with descriptors to a Unix address; see
    /// ``send(_:to:descriptors:timeout:)-(RawSpan,_,_,_)``.
    ///
    /// - Throws: The errors of ``send(_:to:descriptors:timeout:)-(RawSpan,_,_,_)``.
    @discardableResult
    public func send(
        _ text: String, to address: SocketAddress, descriptors: [FileDescriptor],
        timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(text.utf8.span.bytes, to: address, descriptors: descriptors, timeout: timeout)
    }

    /// Receives bytes with descriptors over a Unix socket: recvmsg(2) with `SCM_RIGHTS` and
    /// `MSG_CMSG_CLOEXEC`.
    ///
    /// The descriptors have close-on-exec, and the returned message owns them. On a stream, they
    /// arrive with the first byte that was sent with them. Earlier bytes may precede that byte in
    /// the message. A receive without `descriptorsAtMost:` discards
    /// descriptors. The call blocks the thread; the async counterpart is
    /// ``Connection/receive(atMost:descriptorsAtMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes to receive; by default 65,536 on a stream, and the
    ///     whole datagram on other sockets. On a stream, 0 or less returns an empty message at
    ///     once.
    ///   - limit: The maximum number of descriptors. Values above 253 mean 253.
    ///   - timeout: The maximum time to wait.
    /// - Returns: The message. At the end of a stream, it is empty.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket or uses TLS.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the message has more descriptors than `limit`.
    ///     All descriptors of the message are then closed, and ``SocketError/partialBytes``
    ///     contains its bytes.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if this process has no free
    ///     descriptor. All descriptors of the packet are then closed, and
    ///     ``SocketError/partialBytes`` contains its bytes.
    ///   - ``SocketError/Cause/system(_:)`` with `connectionReset` if the peer reset the
    ///     connection.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func receive(
        atMost count: Int? = nil, descriptorsAtMost limit: Int, timeout: TimeLimit = .never
    ) throws(SocketError) -> DescriptorMessage {
        if let cause = DescriptorMessage.objection(family, usesTLS: tlsReference.isCreated) {
            throw failure(.receive, cause)
        }
        let deadline = Deadline(startingNow: timeout)
        let room = if let count { count } else { try usualRoom(deadline) }
        if room <= 0, type == .stream, !isClosed { return DescriptorMessage(bytes: []) }
        let message = try perform(.receive, .receiving, .inKernel, deadline) {
            descriptor, flags throws(Errno) in
            let message = try DescriptorMessage(
                receivedFrom: descriptor, atMost: room, descriptorsAtMost: limit,
                reportsSender: type == .datagram,
                type == .stream ? flags : flags.union(.fullLength))
            if message.isEnd { try checkEnd(of: descriptor) }
            return message
        }
        if let cause = message.truncation {
            throw failure(.receive, cause).with(partialBytes: message.bytes)
        }
        return message
    }

    /// The credentials of the peer's process on a Unix socket: getsockopt(2) with `SO_PEERCRED` and
    /// `SO_PEERGROUPS`.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket.
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the socket has no peer,
    ///     and for each datagram socket that socketpair(2) did not create.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public var peerCredentials: PeerCredentials {
        get throws(SocketError) { try readPeerCredentials() }
    }

    /// Returns a descriptor of the peer's process on a Unix socket: getsockopt(2) with
    /// `SO_PEERPIDFD`, since Linux 6.5.
    ///
    /// The descriptor still refers to the process after the process ID is reused (pidfd_open(2)).
    /// It becomes readable when the process ends.
    ///
    /// - Returns: The descriptor, which has close-on-exec. The caller must close it.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket.
    ///   - ``SocketError/Cause/system(_:)`` with `noData` if the socket has no peer.
    ///   - ``SocketError/Cause/system(_:)`` with `noSuchProcess` if the process has ended. Newer
    ///     kernels return a descriptor even then.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if no descriptors are left.
    ///   - ``SocketError/Cause/system(_:)`` with `protocolNotAvailable` before Linux 6.5.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func peerProcess() throws(SocketError) -> FileDescriptor {
        FileDescriptor(rawValue: try openPeerProcess())
    }
}
