internal import Synchronization

/// A buffer for small writes to a connection, which are sent together.
///
/// ```swift
/// let writer = BufferedWriter(connection)
/// for key in keys { try await writer.write("GET \(key)\r\n") }
/// try await writer.flush()
/// ```
///
/// Each write of a ``Connection`` is a system call, and often a segment. A writer collects the
/// bytes until they fill its buffer or until ``flush(timeout:)``. A writer belongs to one task or
/// one actor, and several writers may share a connection. Like the bytes of one write to a
/// connection, the bytes of one flush stay together.
///
/// Flush before you wait for a reply, because the peer may be waiting for the bytes in the buffer.
/// A writer that is released without a flush does not send them. The blocking counterpart is
/// ``SocketStream``.
public final class BufferedWriter {
    /// The connection that the bytes are sent to.
    public let connection: Connection

    private let bufferSize: Int
    private var buffer: [UInt8] = []
    /// A Boolean value that indicates whether a flush is waiting, so its bytes are not in `buffer`.
    private var isFlushing = false
    /// A Boolean value that indicates whether a flush ended part-way, so `buffer` begins with its
    /// remaining bytes.
    private var isIncomplete = false

    /// Creates a writer with an empty buffer.
    ///
    /// - Parameters:
    ///   - connection: The connection.
    ///   - bufferSize: The number of bytes in the buffer from which a write sends them. Values
    ///     below 1 mean 1.
    public init(_ connection: Connection, bufferSize: Int = 65536) {
        self.connection = connection
        self.bufferSize = max(1, bufferSize)
    }

    /// The number of bytes in the buffer.
    public var count: Int { buffer.count }

    /// Writes bytes into the buffer, and sends the buffer if it is full.
    ///
    /// The buffer accepts the bytes of a write as a whole, so it can become larger than its size.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to write. If there are no bytes, nothing happens.
    ///   - timeout: The time limit for sending, or `nil` for ``Connection/writeTimeout``.
    /// - Throws: The errors of ``flush(timeout:)``. If ``SocketError/bytesTransferred`` is 0, the
    ///   buffer did not accept the bytes, because it was still full after an earlier error.
    ///   Otherwise, it is the number of bytes of this write. All of them are in the buffer or were
    ///   sent, so do not write them again.
    public func write(_ bytes: RawSpan, timeout: TimeLimit? = nil) async throws(SocketError) {
        var deadline = Deadline(timeout ?? connection.writeTimeout)
        try await flushIfFull(&deadline, accepted: 0)
        bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
        try await flushIfFull(&deadline, accepted: bytes.byteCount)
    }

    /// Writes the bytes of an array; see ``write(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: The errors of ``write(_:timeout:)-(RawSpan,_)``.
    public func write(_ bytes: [UInt8], timeout: TimeLimit? = nil) async throws(SocketError) {
        try await write(bytes.span.bytes, timeout: timeout)
    }

    /// Writes a string as UTF-8; see ``write(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: The errors of ``write(_:timeout:)-(RawSpan,_)``.
    public func write(_ text: String, timeout: TimeLimit? = nil) async throws(SocketError) {
        try await write(text.utf8.span.bytes, timeout: timeout)
    }

    /// Writes an integer, in network byte order unless `byteOrder` says otherwise; see
    /// ``write(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: The errors of ``write(_:timeout:)-(RawSpan,_)``.
    public func write<Integer: FixedWidthInteger>(
        _ integer: Integer, as type: Integer.Type, byteOrder: ByteOrder = .bigEndian,
        timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try await write(integer.bytes(byteOrder), timeout: timeout)
    }

    /// Writes one frame, which begins with its length.
    ///
    /// ```swift
    /// try await writer.writeFrame(Array("hello".utf8), length: .uint16())
    /// ```
    ///
    /// - Parameters:
    ///   - payload: The bytes after the length.
    ///   - length: The integer at the start of the frame.
    ///   - timeout: The time limit for sending, or `nil` for ``Connection/writeTimeout``.
    /// - Throws: The errors of ``write(_:timeout:)-(RawSpan,_)``, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the payload exceeds the limit of `length`.
    ///   Nothing is then written.
    public func writeFrame(
        _ payload: [UInt8], length: FrameLength, timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        guard let parts = length.frame(payload) else {
            throw connection.failure(.write, .tooLarge(limit: length.limit))
        }
        try await write(parts[0] + parts[1], timeout: timeout)
    }

    /// Sends all bytes in the buffer, and returns when the kernel has accepted them.
    ///
    /// After an error, the unsent bytes stay in the buffer, and the next flush continues with them.
    /// If a part was sent, other writes to the connection throw
    /// ``SocketError/Cause/incompleteWrite`` until a flush has sent the rest, because they would
    /// interrupt a message.
    ///
    /// - Parameter timeout: The time limit for all bytes, or `nil` for ``Connection/writeTimeout``.
    /// - Throws: ``SocketError`` with the number of sent bytes in ``SocketError/bytesTransferred``,
    ///   and with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke. Bytes that arrived earlier may
    ///     still be readable.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///     The time limit includes the wait for other writes.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer space
    ///     or for other writes.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write to the connection, which did
    ///     not come from this writer, ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func flush(timeout: TimeLimit? = nil) async throws(SocketError) {
        var deadline = Deadline(timeout ?? connection.writeTimeout)
        try await flush(&deadline)
    }

    /// Sends the buffer if it is full.
    ///
    /// If sending fails, throws the error with `accepted` as its `bytesTransferred`.
    private func flushIfFull(
        _ deadline: inout Deadline, accepted: Int
    ) async throws(SocketError) {
        guard buffer.count >= bufferSize else { return }
        do throws(SocketError) {
            try await flush(&deadline)
        } catch {
            throw error.with(bytesTransferred: accepted)
        }
    }

    private func flush(_ deadline: inout Deadline) async throws(SocketError) {
        // While another flush of the same actor waits, this flush must wait for it, because it may
        // have taken bytes that this call's task wrote. After a failed flush, TLS may have unsent
        // bytes although the buffer is empty.
        guard isFlushing || !buffer.isEmpty || connection.tlsSession?.hasUnsent ?? false else {
            return
        }
        try await connection.beginWriting(&deadline)
        defer { connection.source.endWriting() }
        guard isIncomplete || !connection.isIncomplete else {
            throw connection.failure(.write, .incompleteWrite)
        }
        // Take the bytes out, because an actor may write into the buffer while a flush waits.
        var bytes = buffer
        buffer = []
        isFlushing = true
        defer { isFlushing = false }
        var sent = 0
        do throws(WaitFailure) {
            try await connection.send(bytes.span.bytes, &deadline, &sent)
            if let session = connection.tlsSession {
                try await connection.flush(session, &deadline)
            }
        } catch {
            let failure = connection.writeFailure(error, sent: sent, of: bytes.count)
            let rest = bytes.dropFirst(failure.bytesTransferred)
            buffer.insert(contentsOf: rest, at: 0)
            isIncomplete = !rest.isEmpty && (isIncomplete || failure.bytesTransferred > 0)
            connection.isIncomplete = isIncomplete
            throw failure
        }
        isIncomplete = false
        connection.isIncomplete = false
        // Keep the memory for the next bytes, unless a large write made it grow.
        if buffer.isEmpty, bytes.capacity / 4 <= bufferSize {
            bytes.removeAll(keepingCapacity: true)
            buffer = bytes
        }
    }
}
