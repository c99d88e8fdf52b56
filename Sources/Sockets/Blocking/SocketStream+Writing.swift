// Buffered writes.
extension SocketStream {
    /// Writes bytes into the buffer.
    ///
    /// They go to the kernel when the buffer is full or flushed.
    ///
    /// ```swift
    /// try stream.write("status\n")
    /// try stream.flush()
    /// ```
    ///
    /// If a write ends part-way, ``SocketError/bytesTransferred`` is the number of these bytes that
    /// the stream has accepted. They are sent or stay in the buffer. Further writes are refused
    /// until ``resumeWriting()`` is called, because they would continue in the wrong place. The
    /// call blocks the thread while the kernel has no room; the async counterpart is
    /// `Connection.write(_:timeout:)`.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to write.
    ///   - timeout: The limit for all of the bytes.
    /// - Throws: ``SocketError/Cause/incompleteWrite`` after a write that ended part-way;
    ///   ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the connection
    ///   broke; ``SocketError/Cause/timedOut(limit:)`` if the kernel had no room in time;
    ///   ``SocketError/Cause/closed`` if the socket is closed.
    public func write(_ bytes: RawSpan, timeout: TimeLimit = .never) throws(SocketError) {
        try requireStream(.write)
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
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
    /// - Throws: ``SocketError/Cause/incompleteWrite`` after a write that ended part-way;
    ///   ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the connection
    ///   broke; ``SocketError/Cause/timedOut(limit:)`` if the kernel had no room in time;
    ///   ``SocketError/Cause/closed`` if the socket is closed.
    public func write(_ bytes: [UInt8], timeout: TimeLimit = .never) throws(SocketError) {
        try write(bytes.span.bytes, timeout: timeout)
    }

    /// Writes a string as UTF-8; see ``write(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: ``SocketError/Cause/incompleteWrite`` after a write that ended part-way;
    ///   ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the connection
    ///   broke; ``SocketError/Cause/timedOut(limit:)`` if the kernel had no room in time;
    ///   ``SocketError/Cause/closed`` if the socket is closed.
    public func write(_ text: String, timeout: TimeLimit = .never) throws(SocketError) {
        try write(text.utf8.span.bytes, timeout: timeout)
    }

    /// Sends all written bytes, waiting until the kernel has accepted them.
    ///
    /// After a timeout the rest stays in the buffer, and the next flush continues with it. The call
    /// blocks the thread.
    ///
    /// - Parameter timeout: The limit for all of the bytes.
    /// - Throws: The errors of ``Socket/send(_:timeout:)-(RawSpan,_)``.
    ///   ``SocketError/bytesTransferred`` is the number of bytes that were sent.
    public func flush(timeout: TimeLimit = .never) throws(SocketError) {
        guard !output.isEmpty else { return }
        try flush(Deadline(startingNow: timeout), isFirst: true)
    }

    /// Allows writes again after one that ended part-way.
    ///
    /// The program must continue at the byte where that write stopped.
    public func resumeWriting() {
        isIncomplete = false
    }

    /// Accepts as many bytes as there is room for, and makes room first if there is none.
    private func writeSome(
        _ bytes: UnsafeRawBufferPointer, _ deadline: inout Deadline
    ) throws(SocketError) -> Int {
        if output.usualRoom == 0 {
            let isFirst = deadline.startIfNeeded()
            try flush(deadline, isFirst: isFirst)
        }
        if output.isEmpty, bytes.count >= output.usualRoom {
            // A copy is not worthwhile for as much as the buffer holds.
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
    }
}
