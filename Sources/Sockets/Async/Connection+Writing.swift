internal import Synchronization
internal import SystemPackage

extension Connection {
    /// Writes all bytes, and returns when the kernel has accepted them.
    ///
    /// Writes of several tasks queue: they are sent in the order of the calls, and each write stays
    /// whole. If a write ends part-way because of a timeout, a cancellation or a reset, further
    /// writes would continue in the middle of a message. So they throw
    /// ``SocketError/Cause/incompleteWrite`` until you call ``resumeWriting()``.
    ///
    /// ```swift
    /// try await connection.write(header.span.bytes)
    /// ```
    ///
    /// - Parameters:
    ///   - bytes: The bytes to write. If there are no bytes, nothing happens.
    ///   - timeout: The time limit for the whole write, or `nil` for ``writeTimeout``.
    /// - Throws: ``SocketError`` with one of these causes, and with the number of written bytes in
    ///   ``SocketError/bytesTransferred``:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke. Bytes that arrived earlier may
    ///     still be readable.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///     The time limit includes the wait for other writes.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer space
    ///     or for other writes.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func write(
        _ bytes: RawSpan, timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        var deadline = Deadline(timeout ?? writeTimeout)
        try await beginWriting(&deadline)
        defer { source.endWriting() }
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        var sent = 0
        do throws(WaitFailure) {
            try await send(bytes, &deadline, &sent)
        } catch {
            throw writeFailure(error, sent: sent, of: bytes.byteCount)
        }
    }

    /// Writes all bytes of an array, and returns when the kernel has accepted them.
    ///
    /// ```swift
    /// try await connection.write([0x05, 0x01, 0x00])
    /// ```
    ///
    /// - Parameters:
    ///   - bytes: The bytes to write. If there are no bytes, nothing happens.
    ///   - timeout: The time limit for the whole write, or `nil` for ``writeTimeout``.
    /// - Throws: ``SocketError`` with one of these causes, and with the number of written bytes in
    ///   ``SocketError/bytesTransferred``:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke. Bytes that arrived earlier may
    ///     still be readable.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///     The time limit includes the wait for other writes.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer space
    ///     or for other writes.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func write(
        _ bytes: [UInt8], timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try await write(bytes.span.bytes, timeout: timeout)
    }

    /// Writes a string as UTF-8, and returns when the kernel has accepted it.
    ///
    /// ```swift
    /// try await connection.write("HELO localhost\r\n")
    /// ```
    ///
    /// - Parameters:
    ///   - text: The text to write. If it is empty, nothing happens.
    ///   - timeout: The time limit for the whole write, or `nil` for ``writeTimeout``.
    /// - Throws: ``SocketError`` with one of these causes, and with the number of written bytes in
    ///   ``SocketError/bytesTransferred``:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke. Bytes that arrived earlier may
    ///     still be readable.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///     The time limit includes the wait for other writes.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer space
    ///     or for other writes.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func write(
        _ text: String, timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try await write(text.utf8.span.bytes, timeout: timeout)
    }

    /// Writes several arrays in order without joining them first, as sendmsg(2) does.
    ///
    /// ```swift
    /// try await connection.write(parts: [header, body])
    /// ```
    ///
    /// - Parameters:
    ///   - parts: The bytes to write.
    ///   - timeout: The time limit for the whole write, or `nil` for ``writeTimeout``.
    /// - Throws: ``SocketError`` with one of these causes, and with the number of written bytes in
    ///   ``SocketError/bytesTransferred``:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke. Bytes that arrived earlier may
    ///     still be readable.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///     The time limit includes the wait for other writes.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer space
    ///     or for other writes.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func write(
        parts: [[UInt8]], timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        var deadline = Deadline(timeout ?? writeTimeout)
        try await beginWriting(&deadline)
        defer { source.endWriting() }
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        var rest = GatherCursor(parts)
        do throws(WaitFailure) {
            while !rest.isAtEnd {
                try deadline.beginStep()
                let count = try await source.perform(.writing, &deadline) {
                    descriptor throws(Errno) in
                    if _slowPath(tlsReference.isCreated) {
                        return try sendEncrypted(descriptor, rest)
                    }
                    let count = try attemptWrite { () throws(Errno) in
                        try System.sendmsg(
                            descriptor, rest.parts, skipping: rest.skipped,
                            atMost: System.mostAtOnce, .dontWait)
                    }
                    source.writing.word.setReady()
                    return count
                }
                rest.advance(by: count)
            }
        } catch {
            throw writeFailure(
                error, sent: rest.advanced, of: parts.reduce(0) { $0 + $1.count })
        }
    }

    /// Notes that a write has failed, and returns its error.
    ///
    /// - Parameters:
    ///   - failure: The failure.
    ///   - sent: The number of bytes that were sent.
    ///   - count: The number of bytes to write.
    /// - Returns: The error.
    @inline(never)
    func writeFailure(_ failure: WaitFailure, sent: Int, of count: Int) -> SocketError {
        let sent = sent + (tlsSession?.takeUnreported() ?? 0)
        isIncomplete = sent > 0 && sent < count
        return self.failure(.write, failure.cause, bytesTransferred: sent)
    }

    /// Allows writes again after a write that ended part-way.
    ///
    /// Call this method if your next write continues where that write stopped.
    /// ``SocketError/bytesTransferred`` contains the position.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/busy`` if another task is already writing.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func resumeWriting() throws(SocketError) {
        do throws(WaitFailure) {
            try source.beginWritingAtOnce()
        } catch {
            throw failure(.write, after: error)
        }
        isIncomplete = false
        source.endWriting()
    }

    /// Sends all bytes, and adds their number to `sent`.
    @inline(__always)
    func send(
        _ bytes: RawSpan, _ deadline: inout Deadline, _ sent: inout Int
    ) async throws(WaitFailure) {
        while sent < bytes.byteCount {
            try deadline.beginStep()
            sent += try await source.perform(.writing, &deadline) { descriptor throws(Errno) in
                try bytes.withUnsafeBytes { bytes throws(Errno) in
                    let rest = bytes[sent...].prefix(System.mostAtOnce)
                    return try transmit(descriptor, UnsafeRawBufferPointer(rebasing: rest))
                }
            }
        }
    }

    /// Sends once, and marks writing as ready if another call may succeed at once.
    @inline(__always)
    func transmit(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer
    ) throws(Errno) -> Int {
        if _slowPath(tlsReference.isCreated) { return try sendEncrypted(descriptor, bytes) }
        return try transmitPlain(descriptor, bytes)
    }

    /// Sends once on a connection without TLS; see ``transmit(_:_:)``.
    @inline(__always)
    private func transmitPlain(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer
    ) throws(Errno) -> Int {
        let count = try attemptWrite { () throws(Errno) in
            try System.send(descriptor, bytes, .dontWait)
        }
        source.writing.word.setReady()
        return count
    }

    /// Makes one attempt to send.
    ///
    /// If a read on another thread gets 0 meanwhile, the read waits until the attempt has ended.
    /// The kernel reports a connection error only once, so the attempt may have received the error
    /// that the read missed.
    @inline(__always)
    func attemptWrite<Result>(_ send: () throws(Errno) -> Result) throws(Errno) -> Result {
        isAttemptingWrite.store(true, ordering: .relaxed)
        do throws(Errno) {
            let result = try send()
            isAttemptingWrite.store(false, ordering: .releasing)
            return result
        } catch {
            if error != .wouldBlock { note(error) }
            isAttemptingWrite.store(false, ordering: .releasing)
            throw error
        }
    }

    /// Notes the error of a call, if the error breaks the connection.
    @inline(never)
    func note(_ error: Errno) {
        if error.breaksConnection { connectionError?.note(error) }
    }

    /// Sends the bytes that the kernel accepts without waiting, and returns their number.
    @inline(__always)
    func sendAtOnce(_ bytes: UnsafeRawBufferPointer, usesTLS: Bool) throws(Errno) -> Int {
        guard source.writing.word.isReady else { return 0 }
        _ = source.consumeOperation()
        source.writing.word.clear()
        do throws(Errno) {
            return try usesTLS
                ? transmit(source.descriptor, bytes) : transmitPlain(source.descriptor, bytes)
        } catch .wouldBlock {
            return 0
        } catch {
            source.writing.word.setReady()
            guard error != .interrupted else { return 0 }
            throw error
        }
    }
}
