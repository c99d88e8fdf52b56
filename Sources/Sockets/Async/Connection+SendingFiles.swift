public import SystemPackage

extension Connection {
    /// Sends bytes of a file without copying them into the program, as sendfile(2) does.
    ///
    /// The call ends at the end of the file or after `count` bytes. It neither uses nor changes the
    /// file's position. Bytes that are not in the kernel's cache are read from the disk on the
    /// calling thread.
    ///
    /// ```swift
    /// let file = try FileDescriptor.open("page.html", .readOnly)
    /// defer { try? file.close() }
    /// try await connection.sendFile(file)
    /// ```
    ///
    /// - Parameters:
    ///   - file: A regular file that is open for reading.
    ///   - offset: The position of the first byte. If it is beyond the end of the file, nothing is
    ///     sent.
    ///   - count: The maximum number of bytes, or `nil` for all bytes.
    ///   - timeout: The time limit for the whole file, or `nil` for ``writeTimeout``.
    /// - Returns: The number of bytes that were sent.
    /// - Throws: ``SocketError`` with one of these causes, and with the number of written bytes in
    ///   ``SocketError/bytesTransferred``:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke, or if `file` is not a
    ///     regular file that is open for reading.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `offset` or `count` is negative.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer
    ///     space.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/busy`` if another task is already writing.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    @discardableResult
    public func sendFile(
        _ file: FileDescriptor, offset: Int = 0, count: Int? = nil, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        try begin(.write)
        defer { source.end(.writing) }
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        let limit = count ?? .max
        guard offset >= 0, limit >= 0 else {
            throw failure(
                .write,
                .invalidInput("offset \(offset) and count \(limit) must not be negative"))
        }
        var deadline = Deadline(timeout ?? writeTimeout)
        var sent = 0
        do throws(WaitFailure) {
            try makeNonblocking()
            while sent < limit {
                try deadline.beginStep()
                let count = try await source.perform(.writing, &deadline) {
                    descriptor throws(Errno) in
                    let (start, isTooFar) = offset.addingReportingOverflow(sent)
                    let count =
                        isTooFar
                        ? 0
                        : try System.sendfile(
                            descriptor, from: file.rawValue, offset: start,
                            count: min(limit - sent, System.mostAtOnce))
                    source.writing.word.setReady()
                    return count
                }
                if count == 0 { break }
                sent += count
            }
        } catch {
            isIncomplete = sent > 0
            throw failure(.write, error.cause, bytesTransferred: sent)
        }
        return sent
    }

    /// Makes an adopted socket nonblocking, for all processes that share it.
    private func makeNonblocking() throws(WaitFailure) {
        guard sendFileMayWait else { return }
        do throws(Errno) { try System.setBlocking(source.descriptor, false) } catch {
            throw WaitFailure(.system(error))
        }
        sendFileMayWait = false
    }
}
