internal import SystemPackage

extension Connection {
    /// Sends all received bytes back to the peer until the end of the stream.
    ///
    /// No other task can read meanwhile, and writes of other tasks wait until the call ends. If the
    /// call ends early, no bytes are lost. The next read or the next `echo` starts with the bytes
    /// that were received but not sent back. ``readTimeout`` and ``writeTimeout`` limit each wait
    /// for the peer.
    ///
    /// ```swift
    /// try await Listener(on: .tcp(port: 51423)).serve { try await $0.echo() }
    /// ```
    ///
    /// - Returns: The number of bytes that were sent back.
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of bytes
    ///   that were sent back. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if a read or a write waited too long.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    @discardableResult
    public func echo() async throws(SocketError) -> Int {
        try await forwardAll(to: self)
    }

    /// Forwards all received bytes to another connection until the end of the stream, and then
    /// half-closes the other connection.
    ///
    /// No other task can read from this connection meanwhile, and writes of other tasks to the
    /// other connection wait until the call ends. If the call ends early, no bytes are lost. The
    /// next read or the next `copy` starts with the bytes that were received but not forwarded. The
    /// ``readTimeout`` of this connection and the ``writeTimeout`` of the other connection limit
    /// each wait.
    ///
    /// ```swift
    /// async let up = client.copy(to: server)
    /// async let down = server.copy(to: client)
    /// print("forwarded", try await up + down, "bytes")
    /// ```
    ///
    /// To forward both directions, use ``join(_:idleTimeout:)``, which costs less and has one idle
    /// limit for both.
    ///
    /// If one connection breaks, the other one is reset, so that its peer does not take a broken
    /// stream for a complete one. Unix sockets have no reset, so a Unix peer cannot tell a broken
    /// stream from a complete one.
    ///
    /// - If this connection breaks, `copy` resets the other connection. Other calls on that
    ///   connection then throw `.connectionAbort`, because this side, not the peer, reset it.
    /// - If the other connection breaks, `copy` sets the option ``SocketOption/linger`` of this
    ///   connection to zero, so that ``close()`` resets it. Until this connection is closed, a
    ///   `copy` in the opposite direction can still forward bytes to it.
    ///
    /// - Parameter other: The connection that receives the bytes.
    /// - Returns: The number of forwarded bytes.
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of bytes
    ///   that this call forwarded. The error contains the addresses of the connection that failed
    ///   first, even if a `copy` in the opposite direction got the error. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` if one of the connections broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if a read or a write waited too long.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write to `other` ended part-way.
    ///   - ``SocketError/Cause/busy`` if another task is already reading from this connection.
    ///   - ``SocketError/Cause/closed`` if one of the connections was closed on this side.
    @discardableResult
    public func copy(to other: Connection) async throws(SocketError) -> Int {
        let count: Int
        do throws(SocketError) {
            count = try await forwardAll(to: other)
        } catch {
            let failure = error.errno == nil ? error : firstFailure(error, other)
            // A noted error means that the connection is broken, even if another call got the
            // error.
            if connectionError?.hasOccurred ?? false {
                other.reset(because: failure)
            } else if other.connectionError?.hasOccurred ?? false {
                try? setOption(.linger, to: .zero)
            }
            throw failure
        }
        do throws(SocketError) {
            if _slowPath(other.tlsReference.isCreated) { try await other.sendEnd() }
            try other.shutdown(.write)
        } catch {
            throw error.with(bytesTransferred: count)
        }
        return count
    }

    /// Returns the error that made another `copy` reset one of the two connections, or `error` if
    /// no `copy` did.
    private func firstFailure(_ error: SocketError, _ other: Connection) -> SocketError {
        let cause = connectionError?.causeOfReset ?? other.connectionError?.causeOfReset
        guard let cause else { return error }
        let isOfOther =
            cause.remoteAddress == other.remoteAddress && cause.localAddress == other.localAddress
        // `bytesTransferred` counts the bytes that this call sent to the other connection.
        return cause.with(
            operation: isOfOther ? .write : nil, bytesTransferred: error.bytesTransferred)
    }

    private func forwardAll(to other: Connection) async throws(SocketError) -> Int {
        var deadline = Deadline(other.writeTimeout)
        // Claim the reading direction after the earlier writes have ended, because such a write may
        // be unable to end unless another task reads meanwhile.
        try await other.beginWriting(&deadline)
        defer { other.source.endWriting() }
        try begin(.read)
        defer { source.endReading() }
        scanner.stopSkipping()
        guard !other.isIncomplete else {
            throw other.failure(.write, after: WaitFailure(.incompleteWrite))
        }
        // TLS cannot start meanwhile, because this task has claimed one direction of each
        // connection.
        let usesTLS = tlsReference.isCreated || other.tlsReference.isCreated
        var forwarded = 0
        do throws(SocketError) {
            while true {
                if !input.isEmpty { try await other.sendReceived(by: self, &forwarded) }
                if isAtEnd { return forwarded }
                var deadline = Deadline(readTimeout)
                let failure: Errno?
                do throws(WaitFailure) {
                    failure = try await source.perform(.reading, &deadline) {
                        descriptor throws(Errno) in
                        _slowPath(usesTLS)
                            ? try forwardWithTLS(descriptor, to: other, &forwarded)
                            : try forward(descriptor, to: other, &forwarded, usesTLS: false)
                    }
                } catch {
                    throw self.failure(.read, after: error)
                }
                if let failure {
                    throw other.failure(.write, after: WaitFailure(.system(failure)))
                }
            }
        } catch {
            if usesTLS { input.consume(other.takeUnreported(&forwarded)) }
            throw error.with(bytesTransferred: forwarded)
        }
    }

    /// Receives once, and sends as many of the bytes as the kernel accepts in one call.
    ///
    /// The unsent bytes stay in `input` for the next read. Returns the error of the send, if any.
    @inline(__always)
    private func forward(
        _ descriptor: Int32, to other: Connection, _ forwarded: inout Int, usesTLS: Bool
    ) throws(Errno) -> Errno? {
        // Use only the memory of `input`. Without a call of `input.written`, `input` stays empty.
        let room = source.scratch ?? input.room(atLeast: 65536)
        let count =
            usesTLS
            ? try receive(descriptor, into: room) : try receivePlain(descriptor, into: room)
        guard count > 0 else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: room[..<count])
        var sent = 0
        // Keep the unsent bytes. `bytes` may overlap the memory of `input`, and `append` supports
        // such an overlap.
        defer { input.append(UnsafeRawBufferPointer(rebasing: bytes[sent...])) }
        do throws(Errno) {
            sent = try other.sendAtOnce(bytes, usesTLS: usesTLS)
            forwarded += sent
            return nil
        } catch {
            return error
        }
    }

    /// Adds to `forwarded` the number of bytes that TLS has encrypted but not yet reported as sent,
    /// and returns this number.
    @inline(never)
    private func takeUnreported(_ forwarded: inout Int) -> Int {
        let count = tlsSession?.takeUnreported() ?? 0
        forwarded += count
        return count
    }

    /// Sends TLS's closing alert (close_notify) after the writes of other tasks have ended.
    @inline(never)
    private func sendEnd() async throws(SocketError) {
        guard let session = tlsSession else { return }
        var deadline = Deadline(writeTimeout)
        try await beginWriting(&deadline, for: .shutdown)
        defer { source.endWriting() }
        try await sendEnd(session, &deadline)
    }

    /// Sends the bytes that `origin` has received but not yet forwarded.
    private func sendReceived(
        by origin: Connection, _ forwarded: inout Int
    ) async throws(SocketError) {
        while !origin.input.isEmpty {
            var deadline = Deadline(writeTimeout)
            do throws(WaitFailure) {
                let count = try await source.perform(.writing, &deadline) {
                    descriptor throws(Errno) in
                    try transmit(descriptor, origin.input.bytes)
                }
                origin.input.consume(count)
                forwarded += count
            } catch {
                throw failure(.write, after: error)
            }
        }
    }

    /// Calls `forward` for connections of which at least one uses TLS.
    @inline(never)
    private func forwardWithTLS(
        _ descriptor: Int32, to other: Connection, _ forwarded: inout Int
    ) throws(Errno) -> Errno? {
        try forward(descriptor, to: other, &forwarded, usesTLS: true)
    }
}
