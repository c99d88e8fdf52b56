internal import SystemPackage

extension Connection {
    /// Waits for bytes and calls `body` with them without copying them.
    ///
    /// This is the fastest way to read. On a loop's thread, the bytes are in a buffer of the loop,
    /// so a waiting connection needs no buffer. The bytes are consumed even if `body` throws.
    ///
    /// ```swift
    /// let count = try await connection.withReceived { bytes in
    ///     digest.update(bytes)
    ///     return bytes.byteCount
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - timeout: The time limit for the read, or `nil` for ``readTimeout``. A timeout does not
    ///     undo earlier reads. If a message takes two reads and the second one times out, keep the
    ///     bytes from the first.
    ///   - body: The code that uses the bytes.
    /// - Returns: The result of `body`, or `nil` at the end of the stream.
    /// - Throws: ``SocketError`` with one of these causes, or the error of `body`:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke, for example because the peer
    ///     reset it.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No bytes are lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No bytes are lost.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func withReceived<Success>(
        timeout: TimeLimit? = nil, _ body: (RawSpan) throws -> Success
    ) async throws -> Success? {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        return try await withNextBytes(&deadline) { bytes in
            // Safe because the bytes stay valid until the next receive.
            Result { try body(RawSpan(_unsafeBytes: bytes)) }
        }?.get()
    }

    /// Calls `body` with the next received bytes.
    ///
    /// Returns `nil` at the end of the stream.
    ///
    /// The caller must have called `begin(.read)`, which excludes other readers. `body` runs before
    /// the task can suspend. If `input` was empty before the call, it is also empty while `body`
    /// runs. If `body` appends bytes to `input`, the next read returns them.
    @inline(always)
    func withNextBytes<Success>(
        _ deadline: inout Deadline, _ body: (UnsafeRawBufferPointer) -> Success
    ) async throws(SocketError) -> Success? {
        if !input.isEmpty {
            let bytes = input.bytes
            input.consume(bytes.count)
            return body(bytes)
        }
        if isAtEnd { return nil }
        do throws(WaitFailure) {
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                // Use only the memory of `input`. Without a call of `input.written`, `input` stays
                // empty.
                let room = source.scratch ?? input.room(atLeast: 65536)
                let count = try receive(descriptor, into: room)
                return count == 0 ? nil : body(UnsafeRawBufferPointer(rebasing: room[..<count]))
            }
        } catch {
            throw failure(.read, error.cause)
        }
    }
}
