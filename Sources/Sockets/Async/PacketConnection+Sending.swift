public import SystemPackage

extension PacketConnection {
    /// Sends one packet, and returns when the kernel has accepted it: send(2).
    ///
    /// ```swift
    /// try await connection.send(bytes, timeout: .seconds(1))
    /// ```
    ///
    /// A packet may be empty. It is sent as a whole or not at all. If there is no buffer space, the
    /// call waits.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the packet.
    ///   - timeout: How long to wait for buffer space and for other sends.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `messageTooLong` if the packet does not fit into
    ///     the send buffer; see ``SocketOption/sendBufferSize``.
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the peer has
    ///     closed the connection.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if there was no buffer space in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func send(_ bytes: RawSpan, timeout: TimeLimit = .never) async throws(SocketError) {
        try await send(bytes, with: [], timeout)
    }

    /// Sends the bytes of an array as one packet; see ``send(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: The errors of ``send(_:timeout:)-(RawSpan,_)``.
    public func send(_ bytes: [UInt8], timeout: TimeLimit = .never) async throws(SocketError) {
        try await send(bytes.span.bytes, with: [], timeout)
    }

    /// Sends a string in UTF-8 as one packet; see ``send(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: The errors of ``send(_:timeout:)-(RawSpan,_)``.
    public func send(_ text: String, timeout: TimeLimit = .never) async throws(SocketError) {
        try await send(text.utf8.span.bytes, with: [], timeout)
    }

    /// Sends one packet with descriptors: sendmsg(2) with `SCM_RIGHTS`.
    ///
    /// The peer receives duplicates with the packet, and this process keeps its own descriptors:
    ///
    /// ```swift
    /// try await listener.withFileDescriptor { descriptor in
    ///     try await connection.send("listener", descriptors: [descriptor])
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - bytes: The contents of the packet, which may be empty.
    ///   - descriptors: The descriptors, at most 253. They must stay open until the call returns.
    ///   - timeout: How long to wait for buffer space and for other sends.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if one of the descriptors is
    ///     not open.
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyReferences` if too many sent descriptors
    ///     have not been received yet.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if there are more than 253 descriptors.
    ///   - The errors of ``send(_:timeout:)-(RawSpan,_)``.
    public func send(
        _ bytes: RawSpan, descriptors: [FileDescriptor], timeout: TimeLimit = .never
    ) async throws(SocketError) {
        if let cause = DescriptorMessage.objection(
            to: descriptors, with: bytes.byteCount, family, .sequencedPacket, usesTLS: false)
        {
            throw failure(.send, cause)
        }
        try await send(bytes, with: descriptors.map(\.rawValue), timeout)
    }

    /// Sends the bytes of an array as one packet with descriptors; see
    /// ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: The errors of ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    public func send(
        _ bytes: [UInt8], descriptors: [FileDescriptor], timeout: TimeLimit = .never
    ) async throws(SocketError) {
        try await send(bytes.span.bytes, descriptors: descriptors, timeout: timeout)
    }

    /// Sends a string in UTF-8 as one packet with descriptors; see
    /// ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: The errors of ``send(_:descriptors:timeout:)-(RawSpan,_,_)``.
    public func send(
        _ text: String, descriptors: [FileDescriptor], timeout: TimeLimit = .never
    ) async throws(SocketError) {
        try await send(text.utf8.span.bytes, descriptors: descriptors, timeout: timeout)
    }

    private func send(
        _ bytes: RawSpan, with descriptors: [Int32], _ timeout: TimeLimit
    ) async throws(SocketError) {
        var deadline = Deadline(timeout)
        do throws(WaitFailure) {
            try await source.beginWriting(&deadline)
            defer { source.endWriting() }
            try await source.perform(.writing, &deadline) { descriptor throws(Errno) in
                try sendAtOnce(bytes, with: descriptors, on: descriptor)
                source.writing.word.setReady()
            }
        } catch {
            throw failure(.send, error.cause)
        }
    }

    /// Sends a packet without waiting, and notes an error that broke the connection.
    private func sendAtOnce(
        _ bytes: RawSpan, with descriptors: [Int32], on descriptor: Int32
    ) throws(Errno) {
        brokenBy.beginTaking()
        defer { brokenBy.endTaking() }
        do throws(Errno) {
            try bytes.withUnsafeBytes { bytes throws(Errno) in
                _ =
                    descriptors.isEmpty
                    ? try System.send(descriptor, bytes, .dontWait)
                    : try System.sendmsg(descriptor, bytes, with: descriptors, .dontWait)
            }
        } catch {
            brokenBy.note(error)
            throw error
        }
    }
}
