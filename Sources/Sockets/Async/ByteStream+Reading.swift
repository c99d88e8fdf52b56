internal import SystemPackage

extension ByteStream {
    /// Waits for bytes and reads them into the beginning of a buffer; see
    /// ``Connection/read(into:timeout:)-(MutableRawSpan,_)``.
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes. If it is empty, the call returns 0 at once.
    ///   - timeout: The time limit for the read, or `nil` for ``readTimeout``.
    /// - Returns: The number of bytes, or 0 at the end of the stream.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the device or the peer failed.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No bytes are lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No bytes are lost.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    public func read(
        into buffer: inout MutableRawSpan, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        if !input.isEmpty || buffer.isEmpty || isAtEnd {
            return buffer.withUnsafeMutableBytes { input.take(into: $0) }
        }
        do throws(WaitFailure) {
            return try await source.perform(.reading, &deadline) { _ throws(Errno) in
                try buffer.withUnsafeMutableBytes { bytes throws(Errno) in
                    try receive(into: bytes)
                }
            }
        } catch {
            throw failure(.read, error.cause)
        }
    }

    /// Reads one message; see ``Connection/readMessage(reading:timeout:)``.
    ///
    /// - Parameters:
    ///   - framing: Where the message ends. ``lineLimit`` applies to a line and to a message that
    ///     ends with a delimiter.
    ///   - timeout: The time limit for the whole message, or `nil` for ``readTimeout``. After a
    ///     timeout or a cancellation, no bytes are consumed.
    /// - Returns: The message, or `nil` at the end of the stream. ``Framing/toEnd(limit:)`` returns
    ///   an empty message at the end of the stream.
    /// - Throws: The errors of ``read(into:timeout:)``, or ``SocketError`` with one of these
    ///   causes:
    ///   - ``SocketError/Cause/endOfStream`` if the stream ends inside a message with the framing
    ///     ``Framing/exactly(_:)`` or ``Framing/frame(length:)``. ``SocketError/partialBytes`` then
    ///     contains the received bytes.
    ///   - ``SocketError/Cause/lineTooLong(limit:)`` if the message is a line that is longer than
    ///     its limit. The next line can still be read.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if the message is not a line and is longer than
    ///     its limit. The received bytes stay in the stream.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the framing has an empty delimiter.
    public func readMessage(
        reading framing: Framing, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        var deadline = try beginReading(timeout, skippingLine: framing == .line)
        defer { source.endReading() }
        scanner.limit = lineLimit
        var parser = MessageParser(framing, delimitedLimit: scanner.limit)
        var hasEnded = false
        while true {
            switch parser.next(&input, &scanner, isAtEnd: hasEnded) {
            case .message(let bytes): return bytes
            case .failed(let cause): throw failure(.read, cause)
            case .needsMore where hasEnded:
                guard input.isEmpty else { throw failureInsideMessage() }
                return nil
            case .needsMore: hasEnded = try await !fill(&deadline)
            }
        }
    }

    /// Reads one message, whose end a parser finds in the received bytes; see
    /// ``Connection/read(limit:timeout:parsing:)``.
    ///
    /// - Parameters:
    ///   - limit: The maximum length of a message in bytes, 16 MiB by default.
    ///   - timeout: The time limit for the whole message, or `nil` for ``readTimeout``. After a
    ///     timeout or a cancellation, no bytes are consumed.
    ///   - parse: The closure that receives all bytes that have arrived, at least one. It returns
    ///     how many of them it consumes and a value, or `nil` to wait for more bytes.
    /// - Returns: The value, or `nil` at the end of the stream.
    /// - Throws: The error that `parse` throws, the errors of ``read(into:timeout:)``, or
    ///   ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/endOfStream`` if the stream ends inside a message.
    ///     ``SocketError/partialBytes`` then contains the received bytes.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if `parse` returns `nil` for `limit` bytes or
    ///     more. The received bytes stay in the stream.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `parse` consumes fewer than 0 bytes or more
    ///     than it received. The received bytes stay in the stream.
    public func read<Value>(
        limit: Int = 16 << 20, timeout: TimeLimit? = nil,
        parsing parse: (RawSpan) throws -> (consumed: Int, value: Value)?
    ) async throws -> Value? {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        while true {
            if !input.isEmpty {
                // Safe because the bytes stay in the buffer until the next `fill`, and no other
                // task can read before `endReading`.
                let parsed = try parse(RawSpan(_unsafeBytes: input.bytes))
                switch input.take(parsed, limit: limit) {
                case .message(let value): return value
                case .failed(let cause): throw failure(.read, cause)
                case .needsMore: break
                }
            }
            if try await !fill(&deadline) {
                guard input.isEmpty else { throw failureInsideMessage() }
                return nil
            }
        }
    }

    /// Waits for bytes and returns all bytes that have arrived, without consuming them; see
    /// ``Connection/peek(atLeast:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The number of bytes to wait for. If it is 0 or less, the call returns the bytes
    ///     in the buffer at once.
    ///   - timeout: The time limit for all bytes together, or `nil` for ``readTimeout``.
    /// - Returns: The bytes, which are fewer than `count` if the stream ends first.
    /// - Throws: The errors of ``read(into:timeout:)``.
    public func peek(
        atLeast count: Int = 1, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        while input.count < count {
            guard try await fill(&deadline) else { break }
        }
        return [UInt8](input.bytes)
    }

    /// Puts bytes back, so that the next read returns them before all other bytes.
    ///
    /// - Parameter bytes: The bytes, which need not be the bytes that were read.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/busy`` if a task is reading.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    public func unread(_ bytes: [UInt8]) throws(SocketError) {
        _ = try beginReading(nil)
        defer { source.endReading() }
        bytes.withUnsafeBytes { input.prepend($0) }
    }

    /// Claims the reading direction for one operation.
    ///
    /// Unless `skippingLine` is true, the rest of an overlong line is returned instead of skipped.
    private func beginReading(
        _ timeout: TimeLimit?, skippingLine: Bool = false
    ) throws(SocketError) -> Deadline {
        do throws(WaitFailure) {
            try source.beginReading()
        } catch {
            throw failure(.read, error.cause)
        }
        if !skippingLine { scanner.stopSkipping() }
        return Deadline(timeout ?? readTimeout)
    }

    /// Receives bytes into the buffer once.
    ///
    /// Returns `false` at the end of the stream.
    private func fill(_ deadline: inout Deadline) async throws(SocketError) -> Bool {
        if isAtEnd { return false }
        do throws(WaitFailure) {
            try deadline.beginStep()
            return try await source.perform(.reading, &deadline) { _ throws(Errno) in
                let count = try receive(into: input.roomToFill)
                input.written(count)
                return count > 0
            }
        } catch {
            throw failure(.read, error.cause)
        }
    }

    /// Receives bytes once without waiting.
    ///
    /// A terminal returns one line and a tunnel one packet, although more may have arrived. So
    /// reading stays ready after a short read too.
    private func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let count = try device.receive(into: buffer)
        source.reading.word.setReady()
        if count == 0 {
            // The end may be that of this side's `close`.
            if source.lifetime.isClosed { throw .badFileDescriptor }
            isAtEnd = true
        }
        return count
    }

    private func failureInsideMessage() -> SocketError {
        let partial = input.take(input.count)
        return failure(.read, .endOfStream, bytesTransferred: partial.count, partialBytes: partial)
    }
}
