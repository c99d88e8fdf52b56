public import SystemPackage

extension Socket {
    /// Sends bytes of a file without copying them into the program: sendfile(2).
    ///
    /// The call ends at the end of the file or after `count` bytes. It neither uses nor changes the
    /// file's position. The call uses pread(2) and send(2) instead of sendfile(2) in these cases:
    ///
    /// - The connection uses TLS.
    /// - sendfile(2) refuses the file, as it does for most files in `/proc`.
    /// - The socket was adopted in nonblocking mode.
    /// - The call has a time limit, and the socket was duplicated.
    ///
    /// ```swift
    /// let file = try FileDescriptor.open("page.html", .readOnly)
    /// defer { try? file.close() }
    /// try socket.sendFile(
    ///     file, header: Array("HTTP/1.0 200 OK\r\n\r\n".utf8), timeout: .seconds(30))
    /// ```
    ///
    /// The first 64 KiB of the file are copied behind the header, so that the kernel gets both in
    /// one call. If the file cannot be read, the header is not sent either. The call blocks the
    /// thread; the async counterpart is ``Connection/sendFile(_:header:offset:count:timeout:)``.
    ///
    /// - Parameters:
    ///   - file: A file that is open for reading and can be read at any position.
    ///   - header: The bytes to send before the file. By default, there are none.
    ///   - offset: The position of the first byte. If it is beyond the end of the file, only the
    ///     header is sent.
    ///   - count: The maximum number of bytes to send from the file, or `nil` for all bytes.
    ///   - timeout: The time limit for the header and the whole file.
    /// - Returns: The number of bytes that were sent, including the header.
    /// - Throws: ``SocketError`` with one of these causes. ``SocketError/bytesTransferred`` is the
    ///   number of bytes that were sent, including the header:
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
        _ file: FileDescriptor, header: [UInt8] = [], offset: Int = 0, count: Int? = nil,
        timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        let part = try part(of: file, header, offset, count)
        return try send(part, Deadline(startingNow: timeout), isFirst: true)
    }

    /// Checks the arguments of `sendFile`.
    fileprivate func part(
        of file: FileDescriptor, _ header: [UInt8], _ offset: Int, _ count: Int?
    ) throws(SocketError) -> FilePart {
        try require(.stream, for: .send)
        let count = count ?? .max
        guard offset >= 0, count >= 0 else {
            throw failure(
                .send, .invalidInput("offset \(offset) and count \(count) must not be negative"))
        }
        return FilePart(file: file, header: header, offset: offset, count: count)
    }

    /// Sends a header and a part of a file, and returns the number of bytes that were sent.
    ///
    /// `isFirst` is true if this is the first step under the deadline.
    fileprivate func send(
        _ part: FilePart, _ deadline: Deadline, isFirst: Bool
    ) throws(SocketError) -> Int {
        guard enter() else { throw failure(.send, .closed) }
        defer { leave() }
        // `SO_SNDTIMEO` limits each wait of sendfile(2) and not the whole call. So a call with a
        // time limit waits with poll(2).
        let isNonblocking = !deadline.isNever && beginNonblocking()
        defer { if isNonblocking { endNonblocking() } }
        var part = part
        do throws(SocketError) {
            // The kernel cannot encrypt, so the program reads the file.
            if tlsReference.isCreated {
                try readAndSend(&part, upTo: part.limit, deadline, isFirst)
            } else {
                if !part.header.isEmpty {
                    let start = min(part.limit, part.header.count + 65536)
                    try readAndSend(&part, upTo: start, deadline, isFirst)
                }
                try sendInKernel(&part, deadline, isFirst, isNonblocking)
            }
        } catch {
            throw error.attributed(
                to: error.operation, bytesTransferred: part.sent, sent: part.sent)
        }
        return part.sent
    }

    /// Sends the file with sendfile(2).
    ///
    /// If sendfile(2) refuses, the method sends the rest with send(2).
    private func sendInKernel(
        _ part: inout FilePart, _ deadline: Deadline, _ isFirst: Bool, _ isNonblocking: Bool
    ) throws(SocketError) {
        let most = deadline.isNever ? Int.max : System.mostAtOnce
        do throws(SocketError) {
            while part.sent < part.limit {
                let before = part.sent
                let isPossible = try perform(
                    .send, .sending, .inKernelUnlessLimited, deadline,
                    isFirst: isFirst && before == 0
                ) { descriptor, flags throws(Errno) in
                    // sendfile(2) has no flag like `MSG_DONTWAIT`, so it could block here.
                    guard isNonblocking || !flags.contains(.dontWait) else { return false }
                    guard let position = part.position(after: 0) else { return true }
                    let count = try System.sendfile(
                        descriptor, from: part.file.rawValue, offset: position,
                        count: min(part.limit - part.sent, most))
                    part.sent += count
                    return true
                }
                guard isPossible else { break }
                if part.sent == before { return }
            }
        } catch {
            guard let code = error.errno, System.sendfileRefusals.contains(code) else {
                throw error
            }
        }
        try readAndSend(&part, upTo: part.limit, deadline, isFirst)
    }

    /// Reads the file and sends the bytes, until `end` bytes were sent in total.
    ///
    /// The first bytes of the file are sent together with the header.
    private func readAndSend(
        _ part: inout FilePart, upTo end: Int, _ deadline: Deadline, _ isFirst: Bool
    ) throws(SocketError) {
        var block = part.sent == 0 ? part.header : []
        while part.sent < end {
            do throws(Errno) {
                let most = min(end - part.sent - block.count, 65536)
                if let position = part.position(after: block.count) {
                    _ = try block.append(atMost: most) { bytes throws(Errno) in
                        try System.pread(part.file.rawValue, bytes, at: position)
                    }
                }
            } catch {
                throw failure(
                    .sendFile, .system(error), subject: "descriptor \(part.file.rawValue)")
            }
            if block.isEmpty { return }
            try block.span.bytes.withUnsafeBytes { bytes throws(SocketError) in
                var done = 0
                while done < bytes.count {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                    let count: Int
                    do throws(SocketError) {
                        count = try send(
                            rest, deadline, isFirst: isFirst && part.sent == 0, flushing: true)
                    } catch {
                        part.sent += error.bytesTransferred
                        throw error
                    }
                    done += count
                    part.sent += count
                }
            }
            block.removeAll(keepingCapacity: true)
        }
    }
}

/// A header and a part of a file, and how much of them was sent.
private struct FilePart {
    let file: FileDescriptor
    let header: [UInt8]
    private let offset: Int
    /// The maximum number of bytes to send, including the header.
    let limit: Int
    /// The number of bytes that were sent, including the header.
    var sent = 0

    init(file: FileDescriptor, header: [UInt8], offset: Int, count: Int) {
        self.file = file
        self.header = header
        self.offset = offset
        limit = count > .max - header.count ? .max : count + header.count
    }

    /// Returns the file position after the sent bytes and `count` more bytes, or `nil` if no file
    /// is so large.
    ///
    /// These bytes must include the whole header.
    func position(after count: Int) -> Int? {
        let (position, isTooFar) = offset.addingReportingOverflow(sent + count - header.count)
        return isTooFar ? nil : position
    }
}

extension SocketStream {
    /// Flushes the written bytes and sends bytes of a file without copying them into the program;
    /// see ``Socket/sendFile(_:header:offset:count:timeout:)``.
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
    ///   - header: The bytes to send between the written bytes and the file. By default, there are
    ///     none.
    ///   - offset: The position of the first byte. If it is beyond the end of the file, only the
    ///     header is sent.
    ///   - count: The maximum number of bytes to send from the file, or `nil` for all bytes.
    ///   - timeout: The time limit for the flush, the header and the whole file.
    /// - Returns: The number of bytes of the header and the file that were sent.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - The errors of ``flush(timeout:)``, with a ``SocketError/bytesTransferred`` of 0.
    ///   - The errors of ``Socket/sendFile(_:header:offset:count:timeout:)``.
    @discardableResult
    public func sendFile(
        _ file: FileDescriptor, header: [UInt8] = [], offset: Int = 0, count: Int? = nil,
        timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        guard !isIncomplete else { throw socket.failure(.write, .incompleteWrite) }
        let part = try socket.part(of: file, header, offset, count)
        let deadline = Deadline(startingNow: timeout)
        let mustFlush = !output.isEmpty || socket.hasUnsent
        do throws(SocketError) {
            try flush(deadline, isFirst: true)
        } catch {
            throw error.with(bytesTransferred: 0)
        }
        do throws(SocketError) {
            return try socket.send(part, deadline, isFirst: !mustFlush)
        } catch {
            isIncomplete = error.bytesTransferred > 0
            throw error
        }
    }
}
