// Methods that read and write messages.
extension Connection {
    /// Reads one message, whose end a parser finds in the received bytes.
    ///
    /// ```swift
    /// let command = try await connection.read(timeout: .seconds(2)) { bytes in
    ///     try Command.parse(bytes)
    /// }
    /// ```
    ///
    /// The message is consumed as a whole or not at all. After a timeout in the middle of a
    /// message, the next read therefore starts with the same message. Several reads in a row, such
    /// as ``readLine(timeout:)`` and ``readExactly(_:timeout:)``, do not give this guarantee.
    ///
    /// - Parameters:
    ///   - limit: The maximum length of a message in bytes, 16 MiB by default. It limits the memory
    ///     that a peer can fill.
    ///   - timeout: The time limit for the whole message, or `nil` for ``readTimeout``. After a
    ///     timeout or a cancellation, no bytes are consumed.
    ///   - parse: The closure that receives all bytes that have arrived, at least one. It returns
    ///     how many of them it consumes and a value, or `nil` to wait for more bytes. If it
    ///     consumes none, the next read starts with the same bytes. It is called again with all
    ///     bytes each time that more arrive, so find the end of the message before expensive work.
    ///     If it throws, no bytes are consumed.
    /// - Returns: The value, or `nil` at the end of the stream.
    /// - Throws: The error that `parse` throws, the errors of ``read(atMost:timeout:)``, or
    ///   ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/endOfStream`` if the stream ends inside a message.
    ///     ``SocketError/partialBytes`` then contains the received bytes.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if `parse` returns `nil` for `limit` bytes or
    ///     more. The received bytes stay in the connection.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `parse` consumes fewer than 0 bytes or more
    ///     than it received. The received bytes stay in the connection.
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

    /// Waits for bytes and returns all bytes that have arrived, without consuming them.
    ///
    /// ```swift
    /// let isTLS = try await connection.peek().first == 0x16
    /// ```
    ///
    /// The next read returns the same bytes. Unlike `MSG_PEEK` of recv(2), the call waits until
    /// `count` bytes have arrived.
    ///
    /// - Parameters:
    ///   - count: The number of bytes to wait for. If it is 0 or less, the call returns the bytes
    ///     in the buffer at once.
    ///   - timeout: The time limit for all bytes together, or `nil` for ``readTimeout``.
    /// - Returns: The bytes, which are fewer than `count` if the stream ends first.
    /// - Throws: The errors of ``read(atMost:timeout:)``.
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
    /// - Parameter bytes: The bytes, which need not be the bytes that were read. If there are no
    ///   bytes, nothing happens.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/busy`` if a task is reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func unread(_ bytes: [UInt8]) throws(SocketError) {
        _ = try beginReading(nil)
        defer { source.endReading() }
        bytes.withUnsafeBytes { input.prepend($0) }
    }

    /// Reads an integer, in network byte order unless `byteOrder` says otherwise.
    ///
    /// ```swift
    /// let version = try await connection.read(as: UInt16.self)
    /// ```
    ///
    /// - Parameters:
    ///   - type: The type of the integer, such as `UInt32`.
    ///   - byteOrder: The order of the bytes.
    ///   - timeout: The time limit for all bytes together, or `nil` for ``readTimeout``. A timeout
    ///     does not undo earlier reads. If a message takes two reads and the second one times out,
    ///     keep the bytes from the first.
    /// - Returns: The integer.
    /// - Throws: The errors of ``readExactly(_:timeout:)``.
    public func read<Integer: FixedWidthInteger>(
        as type: Integer.Type, byteOrder: ByteOrder = .bigEndian, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Integer {
        Integer(try await readExactly(Integer.bitWidth / 8, timeout: timeout), byteOrder)
    }

    /// Writes an integer, in network byte order unless `byteOrder` says otherwise.
    ///
    /// ```swift
    /// try await connection.write(5432, as: UInt16.self)
    /// ```
    ///
    /// - Parameters:
    ///   - integer: The integer.
    ///   - type: The type of the integer, which determines the number of bytes.
    ///   - byteOrder: The order of the bytes.
    ///   - timeout: The time limit for the whole write, or `nil` for ``writeTimeout``.
    /// - Throws: The errors of ``write(_:timeout:)-([UInt8],_)``.
    public func write<Integer: FixedWidthInteger>(
        _ integer: Integer, as type: Integer.Type, byteOrder: ByteOrder = .bigEndian,
        timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try await write(integer.bytes(byteOrder), timeout: timeout)
    }

    /// Reads one frame, which begins with its length.
    ///
    /// ```swift
    /// while let frame = try await connection.readFrame(length: .uint32(limit: 1 << 20)) {
    ///     handle(frame)
    /// }
    /// ```
    ///
    /// The frame is consumed as a whole or not at all. After a timeout, the next read therefore
    /// starts with the same frame.
    ///
    /// - Parameters:
    ///   - length: The integer at the start of the frame.
    ///   - timeout: The time limit for the whole frame, or `nil` for ``readTimeout``. After a
    ///     timeout or a cancellation, no bytes are consumed.
    /// - Returns: The bytes after the length, or `nil` at the end of the stream.
    /// - Throws: The errors of ``read(atMost:timeout:)``, or ``SocketError`` with one of these
    ///   causes:
    ///   - ``SocketError/Cause/endOfStream`` if the stream ends inside a frame.
    ///     ``SocketError/partialBytes`` then contains the received bytes, including the length.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if the payload exceeds the limit of `length`. The
    ///     received bytes stay in the connection.
    public func readFrame(
        length: FrameLength, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        try await readMessage(reading: .frame(length: length), timeout: timeout)
    }

    /// Writes one frame, which begins with its length.
    ///
    /// ```swift
    /// try await connection.writeFrame(Array("hello".utf8), length: .uint16())
    /// ```
    ///
    /// - Parameters:
    ///   - payload: The bytes after the length.
    ///   - length: The integer at the start of the frame.
    ///   - timeout: The time limit for the whole frame, or `nil` for ``writeTimeout``.
    /// - Throws: The errors of ``write(parts:timeout:)``, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the payload exceeds the limit of `length`.
    ///   Nothing is then written.
    public func writeFrame(
        _ payload: [UInt8], length: FrameLength, timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        guard let parts = length.frame(payload) else {
            throw failure(.write, .tooLarge(limit: length.limit))
        }
        try await write(parts: parts, timeout: timeout)
    }

    /// Reads one message.
    ///
    /// ```swift
    /// let greeting = try await connection.readMessage(reading: .until("\r\n\r\n"))
    /// ```
    ///
    /// - Parameters:
    ///   - framing: Where the message ends. ``lineLimit`` applies to a line and to a message that
    ///     ends with a delimiter.
    ///   - timeout: The time limit for the whole message, or `nil` for ``readTimeout``. After a
    ///     timeout or a cancellation, no bytes are consumed.
    /// - Returns: The message, or `nil` at the end of the stream. ``Framing/toEnd(limit:)`` returns
    ///   an empty message at the end of the stream.
    /// - Throws: The errors of ``read(atMost:timeout:)``, or ``SocketError`` with one of these
    ///   causes:
    ///   - ``SocketError/Cause/endOfStream`` if the stream ends inside a message with the framing
    ///     ``Framing/exactly(_:)`` or ``Framing/frame(length:)``. ``SocketError/partialBytes`` then
    ///     contains the received bytes.
    ///   - ``SocketError/Cause/lineTooLong(limit:)`` if the message is a line that is longer than
    ///     its limit. The next line can still be read.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if the message is not a line and is longer than
    ///     its limit. The received bytes stay in the connection.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the framing has an empty delimiter.
    public func readMessage(
        reading framing: Framing, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        try begin(.read)
        defer { source.endReading() }
        if framing == .line { scanner.limit = lineLimit } else { scanner.stopSkipping() }
        var deadline = Deadline(timeout ?? readTimeout)
        let message = try await read(framing, &deadline)
        guard message != nil || input.isEmpty else { throw failureInsideMessage() }
        return message
    }
}
