internal import SystemPackage

extension ByteStream {
    /// Writes all bytes, and returns when the device has accepted them; see
    /// ``Connection/write(_:timeout:)-(RawSpan,_)``.
    ///
    /// Writes of several tasks queue, and each write stays whole. If a write ends part-way because
    /// of a timeout, a cancellation or an error, later writes throw
    /// ``SocketError/Cause/incompleteWrite`` until you call ``resumeWriting()``.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to write. If there are no bytes, nothing happens.
    ///   - timeout: The time limit for the whole write, or `nil` for ``writeTimeout``.
    /// - Throws: ``SocketError`` with one of these causes, and with the number of written bytes in
    ///   ``SocketError/bytesTransferred``:
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` if the peer has stopped reading, or
    ///     with another error of the device.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the device did not accept all bytes in time.
    ///     The time limit includes the wait for other writes.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    public func write(_ bytes: RawSpan, timeout: TimeLimit? = nil) async throws(SocketError) {
        var deadline = Deadline(timeout ?? writeTimeout)
        do throws(WaitFailure) {
            try await source.beginWriting(&deadline)
        } catch {
            throw failure(.write, error.cause)
        }
        defer { source.endWriting() }
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        var sent = 0
        do throws(WaitFailure) {
            while sent < bytes.byteCount {
                try deadline.beginStep()
                sent += try await source.perform(.writing, &deadline) { _ throws(Errno) in
                    try bytes.withUnsafeBytes { bytes throws(Errno) in
                        let rest = bytes[sent...].prefix(System.mostAtOnce)
                        let count = try device.send(UnsafeRawBufferPointer(rebasing: rest))
                        source.writing.word.setReady()
                        return count
                    }
                }
            }
        } catch {
            isIncomplete = sent > 0 && sent < bytes.byteCount
            throw failure(.write, error.cause, bytesTransferred: sent)
        }
    }

    /// Allows writes again after a write that ended part-way.
    ///
    /// Call this method if your next write continues where that write stopped.
    /// ``SocketError/bytesTransferred`` contains the position.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/busy`` if another task is already writing.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    public func resumeWriting() throws(SocketError) {
        do throws(WaitFailure) {
            try source.beginWritingAtOnce()
        } catch {
            throw failure(.write, error.cause)
        }
        isIncomplete = false
        source.endWriting()
    }
}
