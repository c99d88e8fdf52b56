/// An async stream of bytes to read from: ``Connection``, ``DescriptorStream``, ``MemoryStream``.
///
/// A protocol implementation that takes `some ByteReader & ByteWriter` runs over a connection and
/// over a pipe, and its tests need no socket:
///
/// ```swift
/// func greet(_ stream: some ByteReader & ByteWriter) async throws -> String? {
///     try await stream.write("HELO localhost\r\n")
///     return try await stream.readLine(timeout: .seconds(5))
/// }
/// let reply = try await greet(Connection(to: .tcp("localhost", port: "smtp")))
/// ```
///
/// Bytes that were received but not consumed belong to the stream, so a program can pass it on
/// without losing any. One task reads at a time. All methods run on the caller's actor
/// (`nonisolated(nonsending)`). The code that opened a stream closes it, so closing is not part of
/// the protocol.
///
/// The five requirements read bytes, messages, and what a parser finds, and look ahead. Everything
/// else is built on them.
public protocol ByteReader {
    /// Waits for bytes and reads them into the beginning of a buffer; see
    /// ``Connection/read(into:timeout:)-(MutableRawSpan,_)``.
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes. If it is empty, the call returns 0 at once.
    ///   - timeout: The time limit, or `nil` for the limit of the stream. The other methods have
    ///     the same parameter.
    /// - Returns: The number of bytes, or 0 at the end of the stream.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the stream broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No bytes are lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No bytes are lost.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    func read(
        into buffer: inout MutableRawSpan, timeout: TimeLimit?
    ) async throws(SocketError) -> Int

    /// Reads one message; see ``Connection/readMessage(reading:timeout:)``.
    ///
    /// - Parameters:
    ///   - framing: Where the message ends.
    ///   - timeout: The time limit for the whole message. After a timeout or a cancellation, no
    ///     bytes are consumed.
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
    func readMessage(
        reading framing: Framing, timeout: TimeLimit?
    ) async throws(SocketError) -> [UInt8]?

    /// Reads one message, whose end a parser finds in the received bytes; see
    /// ``Connection/read(limit:timeout:parsing:)``.
    ///
    /// - Parameters:
    ///   - limit: The maximum length of a message in bytes.
    ///   - timeout: The time limit for the whole message. After a timeout or a cancellation, no
    ///     bytes are consumed.
    ///   - parse: The closure that receives all bytes that have arrived, at least one. It returns
    ///     how many of them it consumes and a value, or `nil` to wait for more bytes.
    /// - Returns: The value, or `nil` at the end of the stream.
    /// - Throws: The error that `parse` throws, the errors of ``read(into:timeout:)``, or
    ///   ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/endOfStream`` if the stream ends inside a message.
    ///     ``SocketError/partialBytes`` then contains the received bytes.
    ///   - ``SocketError/Cause/tooLarge(limit:)`` if `parse` returns `nil` for `limit` bytes or
    ///     more. The received bytes stay in the stream.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `parse` consumes an impossible number of
    ///     bytes. The received bytes stay in the stream.
    func read<Value>(
        limit: Int, timeout: TimeLimit?,
        parsing parse: (RawSpan) throws -> (consumed: Int, value: Value)?
    ) async throws -> Value?

    /// Waits for bytes and returns all bytes that have arrived, without consuming them; see
    /// ``Connection/peek(atLeast:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The number of bytes to wait for. If it is 0 or less, the call returns the bytes
    ///     in the buffer at once.
    ///   - timeout: The time limit for all bytes together.
    /// - Returns: The bytes, which are fewer than `count` if the stream ends first.
    /// - Throws: The errors of ``read(into:timeout:)``.
    func peek(atLeast count: Int, timeout: TimeLimit?) async throws(SocketError) -> [UInt8]

    /// Puts bytes back, so that the next read returns them before all other bytes; see
    /// ``Connection/unread(_:)``.
    ///
    /// - Parameter bytes: The bytes, which need not be the bytes that were read.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/busy`` if a task is reading.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    func unread(_ bytes: [UInt8]) throws(SocketError)
}

extension Connection: ByteReader {}

// The requirements without the arguments that have a usual value.
//
// They are disfavored, so that `Connection.read(into:)` is the method of `Connection` with its
// default argument. The detour through the protocol costs 7 % of a round trip.
extension ByteReader {
    /// Waits for bytes and reads them into the beginning of a buffer, within the time limit of the
    /// stream; see ``read(into:timeout:)``.
    ///
    /// - Throws: The errors of ``read(into:timeout:)``.
    @_disfavoredOverload
    public func read(into buffer: inout MutableRawSpan) async throws(SocketError) -> Int {
        try await read(into: &buffer, timeout: nil)
    }

    /// Reads one message within the time limit of the stream; see
    /// ``readMessage(reading:timeout:)``.
    ///
    /// - Throws: The errors of ``readMessage(reading:timeout:)``.
    @_disfavoredOverload
    public func readMessage(reading framing: Framing) async throws(SocketError) -> [UInt8]? {
        try await readMessage(reading: framing, timeout: nil)
    }

    /// Reads one message of at most `limit` bytes, whose end a parser finds; see
    /// ``read(limit:timeout:parsing:)``.
    ///
    /// - Throws: The errors of ``read(limit:timeout:parsing:)``.
    @_disfavoredOverload
    public func read<Value>(
        limit: Int = 16 << 20, parsing parse: (RawSpan) throws -> (consumed: Int, value: Value)?
    ) async throws -> Value? {
        try await read(limit: limit, timeout: nil, parsing: parse)
    }

    /// Reads one message of at most 16 MiB, whose end a parser finds, within a time limit; see
    /// ``read(limit:timeout:parsing:)``.
    ///
    /// - Throws: The errors of ``read(limit:timeout:parsing:)``.
    @_disfavoredOverload
    public func read<Value>(
        timeout: TimeLimit?, parsing parse: (RawSpan) throws -> (consumed: Int, value: Value)?
    ) async throws -> Value? {
        try await read(limit: 16 << 20, timeout: timeout, parsing: parse)
    }

    /// Waits for bytes and returns all bytes that have arrived, without consuming them; see
    /// ``peek(atLeast:timeout:)``.
    ///
    /// - Throws: The errors of ``peek(atLeast:timeout:)``.
    @_disfavoredOverload
    public func peek(atLeast count: Int = 1) async throws(SocketError) -> [UInt8] {
        try await peek(atLeast: count, timeout: nil)
    }
}

// What is built on the requirements.
extension ByteReader {
    /// Waits for bytes and returns at most `count` of them, or an empty array at the end of the
    /// stream.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes.
    ///   - timeout: The time limit for the read, or `nil` for the limit of the stream.
    /// - Returns: The bytes.
    /// - Throws: The errors of ``read(into:timeout:)``.
    public func read(
        atMost count: Int = 65536, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        // A read returns what has arrived, so a larger array would stay mostly empty.
        var bytes = [UInt8](repeating: 0, count: min(max(0, count), 65536))
        var span = bytes.mutableSpan
        var memory = span.mutableBytes
        let received = try await read(into: &memory, timeout: timeout)
        bytes.removeLast(bytes.count - received)
        return bytes
    }

    /// Reads exactly `count` bytes; see ``Connection/readExactly(_:timeout:)``.
    ///
    /// After a timeout or a cancellation, no bytes are consumed.
    ///
    /// - Parameters:
    ///   - count: The number of bytes.
    ///   - timeout: The time limit for all bytes together, or `nil` for the limit of the stream.
    /// - Returns: The bytes.
    /// - Throws: The errors of ``readMessage(reading:timeout:)``, and
    ///   ``SocketError/Cause/endOfStream`` if the stream ends before `count` bytes have arrived.
    public func readExactly(
        _ count: Int, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        if let bytes = try await readMessage(reading: .exactly(count), timeout: timeout) {
            return bytes
        }
        throw SocketError(.read, .endOfStream, on: self)
    }

    /// Reads the next line as a string without its line ending; see
    /// ``Connection/readLine(timeout:)``.
    ///
    /// - Parameter timeout: The time limit for the line, or `nil` for the limit of the stream.
    /// - Returns: The line, or `nil` at the end of the stream.
    /// - Throws: The errors of ``readMessage(reading:timeout:)``.
    public func readLine(timeout: TimeLimit? = nil) async throws(SocketError) -> String? {
        guard let line = try await readMessage(reading: .line, timeout: timeout) else {
            return nil
        }
        return String(decoding: line, as: UTF8.self)
    }

    /// Reads up to and including the first `byte`; see
    /// ``Connection/readUntil(_:limit:timeout:)-(UInt8,_,_)``.
    ///
    /// The limit of the stream for lines applies.
    ///
    /// - Parameters:
    ///   - byte: The byte that ends the message.
    ///   - timeout: The time limit for the message, or `nil` for the limit of the stream.
    /// - Returns: The bytes, or `nil` at the end of the stream.
    /// - Throws: The errors of ``readMessage(reading:timeout:)``.
    public func readUntil(
        _ byte: UInt8, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        try await readMessage(reading: .until(byte), timeout: timeout)
    }

    /// Reads up to and including the first delimiter of any length; see
    /// ``Connection/readUntil(_:limit:timeout:)-([UInt8],_,_)``.
    ///
    /// The limit of the stream for lines applies.
    ///
    /// - Parameters:
    ///   - delimiter: The bytes that end the message.
    ///   - timeout: The time limit for the message, or `nil` for the limit of the stream.
    /// - Returns: The bytes, or `nil` at the end of the stream.
    /// - Throws: The errors of ``readMessage(reading:timeout:)``.
    public func readUntil(
        _ delimiter: [UInt8], timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        try await readMessage(reading: .until(delimiter), timeout: timeout)
    }

    /// Reads up to and including the first occurrence of a text; see
    /// ``readUntil(_:timeout:)-([UInt8],_)``.
    ///
    /// - Throws: The errors of ``readMessage(reading:timeout:)``.
    public func readUntil(
        _ delimiter: String, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        try await readMessage(reading: .until(delimiter), timeout: timeout)
    }

    /// Reads everything until the peer ends the stream.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of bytes to accept, 16 MiB by default.
    ///   - timeout: The time limit for all bytes together, or `nil` for the limit of the stream.
    /// - Returns: The bytes, or an empty array if the stream has already ended.
    /// - Throws: The errors of ``readMessage(reading:timeout:)``.
    public func readToEnd(
        limit: Int = 16 << 20, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        try await readMessage(reading: .toEnd(limit: limit), timeout: timeout) ?? []
    }

    /// Reads one frame, which begins with its length; see
    /// ``Connection/readFrame(length:timeout:)``.
    ///
    /// - Parameters:
    ///   - length: The integer at the start of the frame.
    ///   - timeout: The time limit for the frame, or `nil` for the limit of the stream.
    /// - Returns: The bytes after the length, or `nil` at the end of the stream.
    /// - Throws: The errors of ``readMessage(reading:timeout:)``.
    public func readFrame(
        length: FrameLength, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        try await readMessage(reading: .frame(length: length), timeout: timeout)
    }

    /// Reads an integer, in network byte order unless `byteOrder` says otherwise.
    ///
    /// - Parameters:
    ///   - type: The type of the integer, such as `UInt32`.
    ///   - byteOrder: The order of the bytes.
    ///   - timeout: The time limit for all bytes, or `nil` for the limit of the stream.
    /// - Returns: The integer.
    /// - Throws: The errors of ``readExactly(_:timeout:)``.
    public func read<Integer: FixedWidthInteger>(
        as type: Integer.Type, byteOrder: ByteOrder = .bigEndian, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Integer {
        Integer(try await readExactly(Integer.bitWidth / 8, timeout: timeout), byteOrder)
    }
}

/// A stream of this library, whose errors say where it leads.
protocol FailingStream {
    /// Returns the error of a failed operation.
    func failure(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, bytesTransferred: Int,
        partialBytes: [UInt8]
    ) -> SocketError
}

extension Connection: FailingStream {}
extension ByteStream: FailingStream {}

extension SocketError {
    /// Creates the error of a method that the protocols add to a stream.
    ///
    /// A stream that another module implements has no name.
    init(_ operation: Operation, _ cause: Cause, on stream: some Any) {
        if let stream = stream as? any FailingStream {
            self = stream.failure(operation, cause, bytesTransferred: 0, partialBytes: [])
        } else {
            self.init(operation, cause)
        }
    }
}
