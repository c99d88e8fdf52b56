/// An async stream of bytes to write to: ``Connection``, ``DescriptorStream``, ``MemoryStream``.
///
/// See ``ByteReader``, its counterpart, for an example. All methods run on the caller's actor
/// (`nonisolated(nonsending)`).
public protocol ByteWriter {
    /// Writes all bytes; see ``Connection/write(_:timeout:)-(RawSpan,_)``.
    ///
    /// Each write stays whole, even if several tasks write.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to write. If there are no bytes, nothing happens.
    ///   - timeout: The time limit for the whole write, or `nil` for the limit of the stream.
    /// - Throws: ``SocketError`` with one of these causes, and with the number of written bytes in
    ///   ``SocketError/bytesTransferred``:
    ///   - ``SocketError/Cause/system(_:)`` if the stream broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the stream did not accept all bytes in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    func write(_ bytes: RawSpan, timeout: TimeLimit?) async throws(SocketError)

    /// Shuts down one or both directions; see ``Connection/shutdown(_:)``.
    ///
    /// After ``ShutdownDirection/write``, the peer reads the end of the stream.
    ///
    /// - Parameter direction: The direction.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the stream cannot end this direction.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    func shutdown(_ direction: ShutdownDirection) throws(SocketError)
}

extension Connection: ByteWriter {}

// The first method is disfavored for the reason given in `ByteReader`.
extension ByteWriter {
    /// Writes all bytes within the time limit of the stream; see ``write(_:timeout:)``.
    ///
    /// - Throws: The errors of ``write(_:timeout:)``.
    @_disfavoredOverload
    public func write(_ bytes: RawSpan) async throws(SocketError) {
        try await write(bytes, timeout: nil)
    }

    /// Writes all bytes of an array.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to write. If there are no bytes, nothing happens.
    ///   - timeout: The time limit for the whole write, or `nil` for the limit of the stream.
    /// - Throws: The errors of ``write(_:timeout:)``.
    public func write(_ bytes: [UInt8], timeout: TimeLimit? = nil) async throws(SocketError) {
        try await write(bytes.span.bytes, timeout: timeout)
    }

    /// Writes a string as UTF-8.
    ///
    /// - Parameters:
    ///   - text: The text to write. If it is empty, nothing happens.
    ///   - timeout: The time limit for the whole write, or `nil` for the limit of the stream.
    /// - Throws: The errors of ``write(_:timeout:)``.
    public func write(_ text: String, timeout: TimeLimit? = nil) async throws(SocketError) {
        try await write(text.utf8.span.bytes, timeout: timeout)
    }

    /// Writes an integer, in network byte order unless `byteOrder` says otherwise.
    ///
    /// - Parameters:
    ///   - integer: The integer.
    ///   - type: The type of the integer, which determines the number of bytes.
    ///   - byteOrder: The order of the bytes.
    ///   - timeout: The time limit for the whole write, or `nil` for the limit of the stream.
    /// - Throws: The errors of ``write(_:timeout:)``.
    public func write<Integer: FixedWidthInteger>(
        _ integer: Integer, as type: Integer.Type, byteOrder: ByteOrder = .bigEndian,
        timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try await write(integer.bytes(byteOrder), timeout: timeout)
    }

    /// Writes one frame, which begins with its length.
    ///
    /// - Parameters:
    ///   - payload: The bytes after the length.
    ///   - length: The integer at the start of the frame.
    ///   - timeout: The time limit for the whole frame, or `nil` for the limit of the stream.
    /// - Throws: The errors of ``write(_:timeout:)``, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the payload exceeds the limit of `length`.
    ///   Nothing is then written.
    public func writeFrame(
        _ payload: [UInt8], length: FrameLength, timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        guard let parts = length.frame(payload) else {
            throw SocketError(.write, .tooLarge(limit: length.limit), on: self)
        }
        // One write, so that no other task's bytes come between the parts.
        try await write(parts[0] + parts[1], timeout: timeout)
    }
}
