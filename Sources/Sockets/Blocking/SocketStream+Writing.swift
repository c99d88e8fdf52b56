// Buffered writes.
extension SocketStream {
    /// Writes bytes into the buffer.
    ///
    /// The bytes are sent when the buffer is full or flushed.
    ///
    /// ```swift
    /// try stream.write("status\n")
    /// try stream.flush()
    /// ```
    ///
    /// If a write ends part-way, ``SocketError/bytesTransferred`` is the number of its bytes that
    /// the stream has accepted. The accepted bytes have been sent or stay in the buffer. Further
    /// writes throw until ``resumeWriting()`` is called, because otherwise they would continue in
    /// the middle of a message. The call blocks the thread while the kernel has no buffer space;
    /// the async counterpart is `Connection.write(_:timeout:)`.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to write.
    ///   - timeout: The time limit for all bytes together.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func write(_ bytes: RawSpan, timeout: TimeLimit = .never) throws(SocketError) {
        try socket.require(.stream, for: .write)
        guard !isIncomplete else { throw socket.failure(.write, .incompleteWrite) }
        var deadline = Deadline(timeout)
        try bytes.withUnsafeBytes { bytes throws(SocketError) in
            var taken = 0
            do throws(SocketError) {
                while taken < bytes.count {
                    taken += try writeSome(
                        UnsafeRawBufferPointer(rebasing: bytes[taken...]), &deadline)
                }
            } catch {
                isIncomplete = taken > 0
                throw error.attributed(to: .write, bytesTransferred: taken, sent: taken)
            }
        }
    }

    /// Writes the bytes of an array; see ``write(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func write(_ bytes: [UInt8], timeout: TimeLimit = .never) throws(SocketError) {
        try write(bytes.span.bytes, timeout: timeout)
    }

    /// Writes a string as UTF-8; see ``write(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func write(_ text: String, timeout: TimeLimit = .never) throws(SocketError) {
        try write(text.utf8.span.bytes, timeout: timeout)
    }

    /// Sends all written bytes, waiting until the kernel has accepted them.
    ///
    /// After a timeout, the unsent bytes stay in the buffer, and the next flush sends them. The
    /// call blocks the thread.
    ///
    /// - Parameter timeout: The time limit for all bytes together.
    /// - Throws: The errors of ``Socket/send(_:timeout:)-(RawSpan,_)``.
    ///   ``SocketError/bytesTransferred`` is the number of bytes that were sent.
    public func flush(timeout: TimeLimit = .never) throws(SocketError) {
        guard !output.isEmpty || socket.hasUnsent else { return }
        try flush(Deadline(startingNow: timeout), isFirst: true)
    }

    /// Allows writes again after a write that ended part-way.
    ///
    /// The program must continue at the byte where that write stopped.
    public func resumeWriting() { isIncomplete = false }

    /// Copies bytes into the buffer or sends them directly, and returns how many it accepted.
    ///
    /// It flushes the buffer first if the buffer is full.
    private func writeSome(
        _ bytes: UnsafeRawBufferPointer, _ deadline: inout Deadline
    ) throws(SocketError) -> Int {
        if output.usualRoom == 0 {
            let isFirst = deadline.startIfNeeded()
            try flush(deadline, isFirst: isFirst)
        }
        if output.isEmpty, bytes.count >= output.usualRoom {
            // Send the bytes directly, because copying a whole buffer's worth of bytes gains
            // nothing.
            let isFirst = deadline.startIfNeeded()
            return try socket.send(bytes, deadline, isFirst: isFirst)
        }
        let count = min(output.usualRoom, bytes.count)
        output.append(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        return count
    }

    func flush(_ deadline: Deadline, isFirst: Bool) throws(SocketError) {
        var isFirst = isFirst
        var sent = 0
        while !output.isEmpty {
            do throws(SocketError) {
                let count = try socket.send(output.bytes, deadline, isFirst: isFirst)
                output.consume(count)
                sent += count
            } catch {
                throw error.attributed(to: .write, bytesTransferred: sent, sent: sent)
            }
            isFirst = false
        }
        guard socket.hasUnsent else { return }
        do throws(SocketError) {
            try socket.flushEncrypted(deadline, isFirst: isFirst)
        } catch {
            throw error.attributed(to: .write, bytesTransferred: sent, sent: sent)
        }
    }
}
