// Methods that read and write messages.
extension SocketStream {
    /// Reads one message, whose end a parser finds in the received bytes.
    ///
    /// ```swift
    /// let command = try stream.read(timeout: .seconds(2)) { bytes in
    ///     try Command.parse(bytes)
    /// }
    /// ```
    ///
    /// The message is consumed as a whole or not at all. After a timeout in the middle of a
    /// message, the next read therefore starts with the same message. Several reads in a row, such
    /// as ``readLine(timeout:)`` and ``readExactly(_:timeout:)``, do not give this guarantee. The
    /// call blocks the thread; the async counterpart is
    /// ``Connection/read(limit:timeout:parsing:)``.
    ///
    /// - Parameters:
    ///   - limit: The maximum length of a message in bytes, 16 MiB by default. It limits the memory
    ///     that a peer can fill.
    ///   - timeout: The time limit for the whole message. After a timeout, no bytes are consumed.
    ///   - parse: The closure that receives all bytes that have arrived, at least one. It returns
    ///     how many of them it consumes and a value, or `nil` to wait for more bytes. If it
    ///     consumes none, the next read starts with the same bytes. It is called again with all
    ///     bytes each time that more arrive, so find the end of the message before expensive work.
    ///     If it throws, no bytes are consumed. It cannot read from the stream.
    /// - Returns: The value, or `nil` at the end of the stream.
    /// - Throws: The error that `parse` throws, the errors of ``Socket/receive(atMost:timeout:)``,
    ///   or ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/endOfStream`` if the stream ends inside a message.
    ///     ``SocketError/partialBytes`` then contains the received bytes.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if `parse` returns `nil` for `limit` bytes or
    ///     more. The received bytes stay in the stream.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `parse` consumes fewer than 0 bytes or more
    ///     than it received. The received bytes stay in the stream.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the closure of another read is running.
    public func read<Value>(
        limit: Int = 16 << 20, timeout: TimeLimit = .never,
        parsing parse: (RawSpan) throws -> (consumed: Int, value: Value)?
    ) throws -> Value? {
        try requireBuffer(for: .read)
        var deadline = Deadline(timeout)
        scanner.stopSkipping()
        while true {
            if !input.isEmpty {
                let parsed = try lendInput(to: parse)
                switch input.take(parsed, limit: limit) {
                case .message(let value): return value
                case .failed(let cause): throw socket.failure(.read, cause)
                case .needsMore: break
                }
            }
            if try !fill(&deadline) {
                guard input.isEmpty else { throw failureInsideMessage() }
                return nil
            }
        }
    }

    /// Calls a parser with the bytes in the buffer.
    ///
    /// Meanwhile, the stream's buffer is empty, so a read in the parser finds no bytes and calls
    /// `fill`, which throws while the parser is using the bytes.
    private func lendInput<Success>(to parse: (RawSpan) throws -> Success) throws -> Success {
        var lent = ByteBuffer(capacity: 1)
        swap(&input, &lent)
        borrowers &+= 1
        let bytes = lent.bytes
        // Safe because `bytes` points into the local variable `lent`, which does not change before
        // `parse` returns.
        let result = Result { try parse(RawSpan(_unsafeBytes: bytes)) }
        borrowers &-= 1
        swap(&input, &lent)
        return try result.get()
    }

    /// Waits for bytes and returns all bytes that have arrived, without consuming them.
    ///
    /// ```swift
    /// let isTLS = try stream.peek().first == 0x16
    /// ```
    ///
    /// The next read returns the same bytes. The call blocks the thread; the async counterpart is
    /// ``Connection/peek(atLeast:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The number of bytes to wait for. If it is 0 or less, the call returns the bytes
    ///     in the buffer at once.
    ///   - timeout: The time limit for all bytes together.
    /// - Returns: The bytes, which are fewer than `count` if the stream ends first.
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``.
    public func peek(
        atLeast count: Int = 1, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        var deadline = Deadline(timeout)
        scanner.stopSkipping()
        while input.count < count {
            guard try fill(&deadline) else { break }
        }
        return [UInt8](input.bytes)
    }

    /// Puts bytes back, so that the next read returns them before all other bytes.
    ///
    /// The async counterpart is ``Connection/unread(_:)``.
    ///
    /// - Parameter bytes: The bytes, which need not be the bytes that were read. If there are no
    ///   bytes, nothing happens.
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the closure of a read is running.
    public func unread(_ bytes: [UInt8]) throws(SocketError) {
        try requireBuffer(for: .read)
        scanner.stopSkipping()
        bytes.withUnsafeBytes { input.prepend($0) }
    }

    /// Reads an integer, in network byte order unless `byteOrder` says otherwise.
    ///
    /// ```swift
    /// let version = try stream.read(as: UInt16.self)
    /// ```
    ///
    /// The call blocks the thread; the async counterpart is
    /// ``Connection/read(as:byteOrder:timeout:)``.
    ///
    /// - Parameters:
    ///   - type: The type of the integer, such as `UInt32`.
    ///   - byteOrder: The order of the bytes.
    ///   - timeout: The time limit for all bytes together. A timeout does not undo earlier reads.
    ///     If a message takes two reads and the second one times out, keep the bytes from the
    ///     first.
    /// - Returns: The integer.
    /// - Throws: The errors of ``readExactly(_:timeout:)``.
    public func read<Integer: FixedWidthInteger>(
        as type: Integer.Type, byteOrder: ByteOrder = .bigEndian, timeout: TimeLimit = .never
    ) throws(SocketError) -> Integer {
        Integer(try readExactly(Integer.bitWidth / 8, timeout: timeout), byteOrder)
    }

    /// Writes an integer into the buffer, in network byte order unless `byteOrder` says otherwise.
    ///
    /// ```swift
    /// try stream.write(5432, as: UInt16.self)
    /// ```
    ///
    /// The call blocks the thread while the kernel has no buffer space; the async counterpart is
    /// ``Connection/write(_:as:byteOrder:timeout:)``.
    ///
    /// - Parameters:
    ///   - integer: The integer.
    ///   - type: The type of the integer, which determines the number of bytes.
    ///   - byteOrder: The order of the bytes.
    ///   - timeout: The time limit for all bytes together.
    /// - Throws: The errors of ``write(_:timeout:)-([UInt8],_)``.
    public func write<Integer: FixedWidthInteger>(
        _ integer: Integer, as type: Integer.Type, byteOrder: ByteOrder = .bigEndian,
        timeout: TimeLimit = .never
    ) throws(SocketError) {
        try write(integer.bytes(byteOrder), timeout: timeout)
    }

    /// Reads one frame, which begins with its length.
    ///
    /// ```swift
    /// while let frame = try stream.readFrame(length: .uint32(limit: 1 << 20)) {
    ///     handle(frame)
    /// }
    /// ```
    ///
    /// The frame is consumed as a whole or not at all. After a timeout, the next read therefore
    /// starts with the same frame. The call blocks the thread; the async counterpart is
    /// ``Connection/readFrame(length:timeout:)``.
    ///
    /// - Parameters:
    ///   - length: The integer at the start of the frame.
    ///   - timeout: The time limit for the whole frame. After a timeout, no bytes are consumed.
    /// - Returns: The bytes after the length, or `nil` at the end of the stream.
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``, or ``SocketError`` with one of
    ///   these causes:
    ///   - ``SocketError/Cause/endOfStream`` if the stream ends inside a frame.
    ///     ``SocketError/partialBytes`` then contains the received bytes, including the length.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if the payload exceeds the limit of `length`. The
    ///     received bytes stay in the stream.
    public func readFrame(
        length: FrameLength, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8]? {
        try readMessage(reading: .frame(length: length), timeout: timeout)
    }

    /// Writes one frame, which begins with its length, into the buffer.
    ///
    /// ```swift
    /// try stream.writeFrame(Array("hello".utf8), length: .uint16())
    /// try stream.flush()
    /// ```
    ///
    /// The call blocks the thread while the kernel has no buffer space; the async counterpart is
    /// ``Connection/writeFrame(_:length:timeout:)``.
    ///
    /// - Parameters:
    ///   - payload: The bytes after the length.
    ///   - length: The integer at the start of the frame.
    ///   - timeout: The time limit for the whole frame.
    /// - Throws: The errors of ``write(_:timeout:)-([UInt8],_)``, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the payload exceeds the limit of `length`.
    ///   Nothing is then written.
    public func writeFrame(
        _ payload: [UInt8], length: FrameLength, timeout: TimeLimit = .never
    ) throws(SocketError) {
        guard let parts = length.frame(payload) else {
            throw socket.failure(.write, .tooLarge(limit: length.limit))
        }
        // Write both parts at once, because after half a frame the next write would be out of step.
        try write(parts[0] + parts[1], timeout: timeout)
    }

    /// Reads one message.
    ///
    /// ```swift
    /// let greeting = try stream.readMessage(reading: .until("\r\n\r\n"))
    /// ```
    ///
    /// The call blocks the thread; the async counterpart is
    /// ``Connection/readMessage(reading:timeout:)``.
    ///
    /// - Parameters:
    ///   - framing: Where the message ends. The stream's line limit applies to a line and to a
    ///     message that ends with a delimiter.
    ///   - timeout: The time limit for the whole message. After a timeout, no bytes are consumed.
    /// - Returns: The message, or `nil` at the end of the stream. ``Framing/toEnd(limit:)`` returns
    ///   an empty message at the end of the stream.
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``, or ``SocketError`` with one of
    ///   these causes:
    ///   - ``SocketError/Cause/endOfStream`` if the stream ends inside a message with the framing
    ///     ``Framing/exactly(_:)`` or ``Framing/frame(length:)``. ``SocketError/partialBytes`` then
    ///     contains the received bytes.
    ///   - ``SocketError/Cause/lineTooLong(limit:)`` if the message is a line that is longer than
    ///     its limit. The next line can still be read.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if the message is not a line and is longer than
    ///     its limit. The received bytes stay in the stream.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the framing has an empty delimiter.
    public func readMessage(
        reading framing: Framing, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8]? {
        let message = try read(framing, timeout: timeout)
        guard message != nil || input.isEmpty else { throw failureInsideMessage() }
        return message
    }
}
