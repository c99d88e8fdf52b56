public import SystemPackage

extension Socket {
    /// Sends bytes of a file without copying them into the program: sendfile(2).
    ///
    /// The call ends at the end of the file or after `count` bytes. It neither uses nor changes the
    /// file's position. Over TLS, and for files that sendfile(2) refuses, such as most files in
    /// `/proc`, the call uses pread(2) and send(2) instead. It does so too if the socket
    /// was adopted in nonblocking mode, or if the call has a time limit and the socket was duplicated.
    ///
    /// ```swift
    /// let file = try FileDescriptor.open("page.html", .readOnly)
    /// defer { try? file.close() }
    /// try socket.sendFile(file, timeout: .seconds(30))
    /// ```
    ///
    /// The call blocks the thread; the async counterpart is
    /// ``Connection/sendFile(_:offset:count:timeout:)``.
    ///
    /// - Parameters:
    ///   - file: A file that is open for reading and can be read at any position.
    ///   - offset: The position of the first byte. If it is beyond the end of the file, nothing is
    ///     sent.
    ///   - count: The maximum number of bytes, or `nil` for all bytes.
    ///   - timeout: The time limit for the whole file.
    /// - Returns: The number of bytes that were sent.
    /// - Throws: ``SocketError`` with one of these causes. ``SocketError/bytesTransferred`` is the
    ///   number of bytes that were sent:
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/system(_:)`` with the operation ``SocketError/Operation/sendFile``
    ///     if the file could not be read. The error is, for example, `isDirectory`,
    ///     `badFileDescriptor`, or `illegalSeek` for a pipe, a socket or a terminal.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if `offset` or `count` is negative, or if the
    ///     socket is not a stream.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel did not accept all bytes in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func sendFile(
        _ file: FileDescriptor, offset: Int = 0, count: Int? = nil, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try require(.stream, for: .send)
        let limit = count ?? .max
        guard offset >= 0, limit >= 0 else {
            throw failure(
                .send, .invalidInput("offset \(offset) and count \(limit) must not be negative"))
        }
        let deadline = Deadline(startingNow: timeout)
        guard enter() else { throw failure(.send, .closed) }
        defer { leave() }
        // `SO_SNDTIMEO` limits each wait of sendfile(2) and not the whole call. So a call with a
        // time limit waits with poll(2).
        let isNonblocking = !deadline.isNever && beginNonblocking()
        defer { if isNonblocking { endNonblocking() } }
        var sent = 0
        do throws(SocketError) {
            // The kernel cannot encrypt, so the program reads the file.
            if tlsReference.isCreated {
                try readAndSend(file, offset, limit, deadline, &sent)
            } else {
                try sendFile(file, offset, limit, deadline, isNonblocking, &sent)
            }
        } catch {
            throw error.attributed(to: error.operation, bytesTransferred: sent, sent: sent)
        }
        return sent
    }

    /// Sends with sendfile(2), and the rest with send(2) if sendfile(2) refuses.
    private func sendFile(
        _ file: FileDescriptor, _ offset: Int, _ limit: Int, _ deadline: Deadline,
        _ isNonblocking: Bool, _ sent: inout Int
    ) throws(SocketError) {
        let most = deadline.isNever ? Int.max : System.mostAtOnce
        do throws(SocketError) {
            while sent < limit {
                let before = sent
                let isPossible = try perform(
                    .send, .sending, .inKernelUnlessLimited, deadline, isFirst: sent == 0
                ) { descriptor, flags throws(Errno) in
                    // sendfile(2) has no flag like `MSG_DONTWAIT`.
                    guard isNonblocking || !flags.contains(.dontWait) else { return false }
                    let (start, isTooFar) = offset.addingReportingOverflow(sent)
                    guard !isTooFar else { return true }
                    sent += try System.sendfile(
                        descriptor, from: file.rawValue, offset: start,
                        count: min(limit - sent, most))
                    return true
                }
                guard isPossible else { break }
                if sent == before { return }
            }
        } catch {
            guard let code = error.errno, System.sendfileRefusals.contains(code) else {
                throw error
            }
        }
        try readAndSend(file, offset, limit, deadline, &sent)
    }

    /// Reads the rest of a file and sends it.
    private func readAndSend(
        _ file: FileDescriptor, _ offset: Int, _ limit: Int, _ deadline: Deadline,
        _ sent: inout Int
    ) throws(SocketError) {
        var block: [UInt8] = []
        while sent < limit {
            block.removeAll(keepingCapacity: true)
            do throws(Errno) {
                let (start, isTooFar) = offset.addingReportingOverflow(sent)
                let most = isTooFar ? 0 : min(limit - sent, 65536)
                _ = try block.append(atMost: most) { bytes throws(Errno) in
                    try System.pread(file.rawValue, bytes, at: start)
                }
            } catch {
                throw failure(
                    .sendFile, .system(error), subject: "descriptor \(file.rawValue)")
            }
            if block.isEmpty { return }
            try block.span.bytes.withUnsafeBytes { bytes throws(SocketError) in
                var done = 0
                while done < bytes.count {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                    let count: Int
                    do throws(SocketError) {
                        count = try send(rest, deadline, isFirst: sent == 0, flushing: true)
                    } catch {
                        sent += error.bytesTransferred
                        throw error
                    }
                    done += count
                    sent += count
                }
            }
        }
    }
}

extension SocketStream {
    /// Flushes the written bytes and sends bytes of a file without copying them into the program;
    /// see ``Socket/sendFile(_:offset:count:timeout:)``.
    ///
    /// ```swift
    /// try stream.write("HTTP/1.0 200 OK\r\n\r\n")
    /// try stream.sendFile(file, timeout: .seconds(30))
    /// ```
    ///
    /// If the call ends part-way, further writes throw until ``resumeWriting()`` is called.
    ///
    /// - Parameters:
    ///   - file: A file that is open for reading and can be read at any position.
    ///   - offset: The position of the first byte. If it is beyond the end of the file, nothing is
    ///     sent.
    ///   - count: The maximum number of bytes, or `nil` for all bytes.
    ///   - timeout: The time limit for the flush and the whole file.
    /// - Returns: The number of bytes of the file that were sent.
    /// - Throws: ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way. The errors
    ///   of ``flush(timeout:)``, with a ``SocketError/bytesTransferred`` of 0, and those of
    ///   ``Socket/sendFile(_:offset:count:timeout:)``.
    @discardableResult
    public func sendFile(
        _ file: FileDescriptor, offset: Int = 0, count: Int? = nil, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        guard !isIncomplete else { throw socket.failure(.write, .incompleteWrite) }
        let deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            try flush(deadline, isFirst: true)
        } catch {
            throw error.with(bytesTransferred: 0)
        }
        do throws(SocketError) {
            return try socket.sendFile(
                file, offset: offset, count: count, timeout: deadline.remainingLimit)
        } catch {
            isIncomplete = error.bytesTransferred > 0
            throw error
        }
    }
}
