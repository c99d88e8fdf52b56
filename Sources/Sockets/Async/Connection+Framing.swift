internal import SystemPackage

// Reads that end after a number of bytes, at a delimiter or at the end of the stream.
extension Connection {
    /// Reads exactly `count` bytes.
    ///
    /// ```swift
    /// let header = try await connection.readExactly(8, timeout: .seconds(2))
    /// ```
    ///
    /// - Parameters:
    ///   - count: The number of bytes to read.
    ///   - timeout: The time limit for all bytes together, or `nil` for ``readTimeout``. After a
    ///     timeout or a cancellation, the received bytes stay in the connection. A timeout does not
    ///     undo earlier reads. If a message takes two reads and the second one times out, keep the
    ///     bytes from the first.
    /// - Returns: The `count` bytes.
    /// - Throws: The errors of ``read(atMost:timeout:)``, and ``SocketError/Cause/endOfStream`` if
    ///   the stream ends before `count` bytes have arrived. ``SocketError/partialBytes`` then
    ///   contains the received bytes.
    public func readExactly(
        _ count: Int, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        if let bytes = try await read(.exactly(count), &deadline) { return bytes }
        throw failureInsideMessage()
    }

    /// Reads up to and including the first `byte`.
    ///
    /// If the stream ends before that byte, the call returns the remaining bytes.
    ///
    /// - Parameters:
    ///   - byte: The byte that ends the message.
    ///   - limit: The maximum length of the message in bytes, including `byte`, or `nil` for
    ///     ``lineLimit``.
    ///   - timeout: The time limit for the whole message, or `nil` for ``readTimeout``. A timeout
    ///     does not undo earlier reads. If a message takes two reads and the second one times out,
    ///     keep the bytes from the first.
    /// - Returns: The bytes, or `nil` at the end of the stream.
    /// - Throws: The errors of ``read(atMost:timeout:)``, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the byte is not among the first `limit` bytes.
    ///   The received bytes then stay in the connection.
    public func readUntil(
        _ byte: UInt8, limit: Int? = nil, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        return try await read(.until(byte), limit: limit, &deadline)
    }

    /// Reads up to and including the first delimiter of any length.
    ///
    /// ```swift
    /// let head = try await connection.readUntil("\r\n\r\n", limit: 8192)
    /// ```
    ///
    /// If the stream ends before the delimiter, the call returns the remaining bytes.
    ///
    /// - Parameters:
    ///   - delimiter: The bytes that end the message.
    ///   - limit: The maximum length of the message in bytes, including `delimiter`, or `nil` for
    ///     ``lineLimit``.
    ///   - timeout: The time limit for the whole message, or `nil` for ``readTimeout``. A timeout
    ///     does not undo earlier reads. If a message takes two reads and the second one times out,
    ///     keep the bytes from the first.
    /// - Returns: The bytes, or `nil` at the end of the stream.
    /// - Throws: The errors of ``read(atMost:timeout:)``,
    ///   ``SocketError/Cause/invalidInput(_:)`` if the delimiter is empty, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the delimiter does not end within the first
    ///   `limit` bytes. The received bytes then stay in the connection.
    public func readUntil(
        _ delimiter: [UInt8], limit: Int? = nil, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        return try await read(.until(delimiter), limit: limit, &deadline)
    }

    /// Reads up to and including the first occurrence of a text; see
    /// ``readUntil(_:limit:timeout:)-([UInt8],_,_)``.
    ///
    /// - Throws: The errors of ``read(atMost:timeout:)``,
    ///   ``SocketError/Cause/invalidInput(_:)`` if the text is empty, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the text does not end within the first `limit`
    ///   bytes. The received bytes then stay in the connection.
    public func readUntil(
        _ delimiter: String, limit: Int? = nil, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        try await readUntil(Array(delimiter.utf8), limit: limit, timeout: timeout)
    }

    /// Reads everything until the peer ends the stream.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of bytes to accept, 16 MiB by default.
    ///   - timeout: The time limit for all bytes together, or `nil` for ``readTimeout``. A timeout
    ///     does not undo earlier reads. If a message takes two reads and the second one times out,
    ///     keep the bytes from the first.
    /// - Returns: The bytes, or an empty array if the stream has already ended.
    /// - Throws: The errors of ``read(atMost:timeout:)``, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if more than `limit` bytes arrive. The received
    ///   bytes then stay in the connection.
    public func readToEnd(
        limit: Int = 16 << 20, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        return try await read(.toEnd(limit: limit), &deadline) ?? []
    }

    /// Reads one message.
    ///
    /// Returns `nil` if the stream ends before the message is complete. The caller must have called
    /// `begin(.read)`, which excludes other readers.
    @inline(__always)
    func read(
        _ framing: Framing, limit: Int? = nil, _ deadline: inout Deadline
    ) async throws(SocketError) -> [UInt8]? {
        var parser = MessageParser(framing, delimitedLimit: limit ?? lineLimit)
        var hasEnded = false
        while true {
            switch parser.next(&input, &scanner, isAtEnd: hasEnded) {
            case .message(let bytes): return bytes
            case .failed(let cause): throw failure(.read, cause)
            case .needsMore where hasEnded: return nil
            case .needsMore: hasEnded = try await !fill(&deadline)
            }
        }
    }

    /// Removes the bytes of a message that is incomplete at the end of the stream, and returns the
    /// error to throw.
    @inline(never)
    func failureInsideMessage() -> SocketError {
        let partial = input.take(input.count)
        return failure(.read, .endOfStream, bytesTransferred: partial.count, partialBytes: partial)
    }

    /// Receives bytes into the buffer once.
    ///
    /// Returns `false` at the end of the stream. The caller must have called `begin(.read)`, which
    /// excludes other readers.
    func fill(_ deadline: inout Deadline) async throws(SocketError) -> Bool {
        if isAtEnd { return false }
        do throws(WaitFailure) {
            try deadline.beginStep()
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                let count = try receive(descriptor, into: input.roomToFill)
                input.written(count)
                return count > 0
            }
        } catch {
            throw failure(.read, error.cause)
        }
    }
}
