internal import Synchronization
public import SystemPackage

extension Connection {
    /// Sends bytes of a file without copying them into the program, as sendfile(2) does.
    ///
    /// The call ends at the end of the file or after `count` bytes. It neither uses nor changes the
    /// file's position. The call blocks its thread while the kernel reads uncached bytes from the
    /// disk. Over TLS, and for files that sendfile(2) refuses, such as most files in `/proc`, the
    /// call uses pread(2) and send(2) instead.
    ///
    /// ```swift
    /// let file = try FileDescriptor.open("page.html", .readOnly)
    /// defer { try? file.close() }
    /// try await connection.sendFile(file, header: Array("HTTP/1.0 200 OK\r\n\r\n".utf8))
    /// ```
    ///
    /// The header and the file are one write, so no other task's bytes come between them. The
    /// first 64 KiB of the file are copied behind the header, so that the kernel gets both at once.
    /// If the file cannot be read, the header is not sent either.
    ///
    /// - Parameters:
    ///   - file: A file that is open for reading and can be read at any position.
    ///   - header: The bytes to send before the file. By default, there are none.
    ///   - offset: The position of the first byte. If it is beyond the end of the file, nothing is
    ///     sent.
    ///   - count: The maximum number of bytes, or `nil` for all bytes.
    ///   - timeout: The time limit for the whole file, or `nil` for ``writeTimeout``.
    /// - Returns: The number of bytes that were sent, including the header.
    /// - Throws: ``SocketError`` with one of these causes, and with the number of written bytes in
    ///   ``SocketError/bytesTransferred``:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke.
    ///   - ``SocketError/Cause/system(_:)`` with the operation ``SocketError/Operation/sendFile``
    ///     if the file could not be read. The error is, for example, `.isDirectory`,
    ///     `.badFileDescriptor`, or `.illegalSeek` for a pipe, a socket or a terminal.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `offset` or `count` is negative.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///     The time limit includes the wait for other writes.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled while it waits for buffer space
    ///     or for other writes.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    @discardableResult
    public func sendFile(
        _ file: FileDescriptor, header: [UInt8] = [], offset: Int = 0, count: Int? = nil,
        timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        var deadline = Deadline(timeout ?? writeTimeout)
        try await beginWriting(&deadline)
        defer { source.endWriting() }
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        let count = count ?? .max
        guard offset >= 0, count >= 0 else {
            throw failure(
                .write,
                .invalidInput("offset \(offset) and count \(count) must not be negative"))
        }
        // Count the header's bytes as if they preceded `offset` in the file.
        let offset = offset - header.count
        let limit = count > .max - header.count ? .max : count + header.count
        var sent = 0
        // TLS encrypts in this process, so the process must read the file itself.
        if _slowPath(tlsReference.isCreated) {
            return try await readAndSend(header, file, offset, limit, &deadline, &sent)
        }
        if !header.isEmpty {
            let start = min(limit, header.count + 65536)
            _ = try await readAndSend(header, file, offset, start, &deadline, &sent)
        }
        do throws(WaitFailure) {
            try makeNonblocking()
            while sent < limit {
                try deadline.beginStep()
                let count = try await source.perform(.writing, &deadline) {
                    descriptor throws(Errno) in
                    let (start, isTooFar) = offset.addingReportingOverflow(sent)
                    let count = try attemptWrite { () throws(Errno) in
                        isTooFar
                            ? 0
                            : try System.sendfile(
                                descriptor, from: file.rawValue, offset: start,
                                count: min(limit - sent, System.mostAtOnce))
                    }
                    source.writing.word.setReady()
                    return count
                }
                if count == 0 { break }
                sent += count
            }
        } catch {
            if case .system(let code) = error.cause, System.sendfileRefusals.contains(code) {
                return try await readAndSend([], file, offset, limit, &deadline, &sent)
            }
            throw writeFailure(error, sent: sent, of: .max)
        }
        return sent
    }

    /// Makes an adopted or a shared socket nonblocking, because sendfile(2) could block otherwise.
    ///
    /// The change applies to all users of the socket.
    func makeNonblocking() throws(WaitFailure) {
        guard sendFileMayWait || source.isShared.load(ordering: .relaxed) else { return }
        do throws(Errno) { try System.setBlocking(source.descriptor, false) } catch {
            throw WaitFailure(.system(error))
        }
        sendFileMayWait = false
    }

    /// Sends a header, and file bytes that it reads into memory first.
    ///
    /// It sends everything over TLS. Without TLS, it sends a header with the start of the file, or
    /// the rest of a file that sendfile(2) refuses. `offset`, `limit` and `sent` count the header's
    /// bytes too.
    private func readAndSend(
        _ header: [UInt8], _ file: FileDescriptor, _ offset: Int, _ limit: Int,
        _ deadline: inout Deadline, _ sent: inout Int
    ) async throws(SocketError) -> Int {
        var block = header
        while sent < limit {
            do throws(Errno) {
                let position = sent + block.count
                let (start, most) = (offset + position, min(limit - position, 65536))
                _ = try block.append(atMost: most) { bytes throws(Errno) in
                    try System.pread(file.rawValue, bytes, at: start)
                }
            } catch {
                isIncomplete = sent > 0
                throw SocketError(
                    .sendFile, .system(error), subject: "descriptor \(file.rawValue)",
                    localAddress: localAddress, remoteAddress: remoteAddress,
                    bytesTransferred: sent)
            }
            if block.isEmpty { break }
            var written = 0
            do throws(WaitFailure) {
                try await send(block.span.bytes, &deadline, &written)
                sent += written
                block.removeAll(keepingCapacity: true)
            } catch {
                throw writeFailure(error, sent: sent + written, of: .max)
            }
        }
        return sent
    }
}
