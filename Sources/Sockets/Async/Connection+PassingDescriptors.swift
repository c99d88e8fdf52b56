public import SystemPackage

// Descriptors and credentials over Unix sockets.
extension Connection {
    /// Sends bytes with descriptors over a Unix socket, and returns when the kernel has accepted
    /// all of them: sendmsg(2) with `SCM_RIGHTS`.
    ///
    /// The peer receives duplicates with the first byte, and this process keeps its own
    /// descriptors:
    ///
    /// ```swift
    /// try await listener.withFileDescriptor { descriptor in
    ///     try await connection.send("listener", descriptors: [descriptor])
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - bytes: The bytes to send. To send descriptors, at least one byte is needed.
    ///   - descriptors: The descriptors, at most 253. They must stay open until the call returns.
    ///   - timeout: The time limit for the whole send, or `nil` for ``writeTimeout``.
    /// - Throws: ``SocketError`` with one of the causes below. Its ``SocketError/bytesTransferred``
    ///   is the number of sent bytes. If that is not 0, the descriptors were sent too.
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket or uses TLS.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if there are more than 253 descriptors, or
    ///     descriptors without a byte.
    ///   - ``SocketError/Cause/system(_:)`` with another error if the connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer space
    ///     or for other writes.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func send(
        _ bytes: RawSpan, descriptors: [FileDescriptor], timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        if let cause = DescriptorMessage.objection(
            to: descriptors, with: bytes.byteCount, family, .stream,
            usesTLS: tlsReference.isCreated)
        {
            throw failure(.write, cause)
        }
        let numbers = descriptors.map(\.rawValue)
        var deadline = Deadline(timeout ?? writeTimeout)
        try await beginWriting(&deadline)
        defer { source.endWriting() }
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        var sent = 0
        do throws(WaitFailure) {
            if !numbers.isEmpty {
                try deadline.beginStep()
                sent = try await source.perform(.writing, &deadline) { descriptor throws(Errno) in
                    try bytes.withUnsafeBytes { bytes throws(Errno) in
                        let first = UnsafeRawBufferPointer(
                            rebasing: bytes.prefix(System.mostAtOnce))
                        let count = try attemptWrite { () throws(Errno) in
                            try System.sendmsg(descriptor, first, with: numbers, .dontWait)
                        }
                        source.writing.word.setReady()
                        return count
                    }
                }
            }
            try await send(bytes, &deadline, &sent)
        } catch {
            throw writeFailure(error, sent: sent, of: bytes.byteCount)
        }
    }

    /// Sends the bytes of an array with descriptors; see
    /// ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: ``SocketError`` with one of the causes below. Its ``SocketError/bytesTransferred``
    ///   is the number of sent bytes. If that is not 0, the descriptors were sent too.
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket or uses TLS.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if there are more than 253 descriptors, or
    ///     descriptors without a byte.
    ///   - ``SocketError/Cause/system(_:)`` with another error if the connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer space
    ///     or for other writes.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func send(
        _ bytes: [UInt8], descriptors: [FileDescriptor], timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try await send(bytes.span.bytes, descriptors: descriptors, timeout: timeout)
    }

    /// Sends a string as UTF-8 with descriptors; see
    /// ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: ``SocketError`` with one of the causes below. Its ``SocketError/bytesTransferred``
    ///   is the number of sent bytes. If that is not 0, the descriptors were sent too.
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket or uses TLS.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if there are more than 253 descriptors, or
    ///     descriptors without a byte.
    ///   - ``SocketError/Cause/system(_:)`` with another error if the connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer space
    ///     or for other writes.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func send(
        _ text: String, descriptors: [FileDescriptor], timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try await send(text.utf8.span.bytes, descriptors: descriptors, timeout: timeout)
    }

    /// Waits for bytes, and returns them with the descriptors that were sent with them: recvmsg(2)
    /// with `SCM_RIGHTS` and `MSG_CMSG_CLOEXEC`.
    ///
    /// ```swift
    /// var message = try await connection.receive(descriptorsAtMost: 1)
    /// if let descriptor = message.takeDescriptor() {
    ///     let listener = try Listener(adopting: Socket(adopting: descriptor))
    /// }
    /// ```
    ///
    /// The descriptors have close-on-exec, and the returned message owns them. They arrive with the
    /// first byte that was sent with them. Earlier bytes may precede that byte in the message.
    /// Other reads discard descriptors. A read of a line may receive bytes in advance, so do not
    /// use it before a message with descriptors, unless the peer waits for an answer to the line.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes. If it is 0 or less, the call returns an empty
    ///     message at once.
    ///   - limit: The maximum number of descriptors. Values above 253 mean 253.
    ///   - timeout: The time limit, or `nil` for ``readTimeout``.
    /// - Returns: The message. At the end of the stream, it is empty.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket or uses TLS.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the message has more descriptors than `limit`.
    ///     All descriptors of the message are then closed, and ``SocketError/partialBytes``
    ///     contains its bytes.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if this process has no free
    ///     descriptor. All descriptors of the packet are then closed, and
    ///     ``SocketError/partialBytes`` contains its bytes.
    ///   - ``SocketError/Cause/system(_:)`` with another error if the connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No bytes are lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No bytes are lost.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func receive(
        atMost count: Int = 65536, descriptorsAtMost limit: Int, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> DescriptorMessage {
        if let cause = DescriptorMessage.objection(family, usesTLS: tlsReference.isCreated) {
            throw failure(.read, cause)
        }
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        if !input.isEmpty || count <= 0 || isAtEnd {
            var bytes: [UInt8] = []
            _ = bytes.append(atMost: min(count, input.count)) { input.take(into: $0) }
            return DescriptorMessage(bytes: bytes)
        }
        let message: DescriptorMessage
        do throws(WaitFailure) {
            message = try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                let message = try DescriptorMessage(
                    receivedFrom: descriptor, atMost: count, descriptorsAtMost: limit, .dontWait)
                if message.bytes.isEmpty { _ = try receiveEnd(descriptor) }
                // A receive ends at the next message with descriptors, so a short one need not have
                // emptied the queue.
                source.reading.word.setReady()
                return message
            }
        } catch {
            throw failure(.read, after: error)
        }
        if let cause = message.truncation {
            throw failure(.read, cause).with(partialBytes: message.bytes)
        }
        return message
    }

    /// The credentials of the peer's process on a Unix socket: getsockopt(2) with `SO_PEERCRED` and
    /// `SO_PEERGROUPS`.
    ///
    /// ```swift
    /// guard try connection.peerCredentials.userID == 0 else { return }
    /// ```
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a Unix socket.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
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
    ///   - ``SocketError/Cause/system(_:)`` with `noSuchProcess` if the process has ended. Newer
    ///     kernels return a descriptor even then.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` if no descriptors are left.
    ///   - ``SocketError/Cause/system(_:)`` with `protocolNotAvailable` before Linux 6.5.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func peerProcess() throws(SocketError) -> FileDescriptor {
        FileDescriptor(rawValue: try openPeerProcess())
    }
}
