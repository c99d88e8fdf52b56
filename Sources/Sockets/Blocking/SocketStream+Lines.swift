// Reading lines.
extension SocketStream {
    /// Reads the next line as a string without its line ending.
    ///
    /// ```swift
    /// while let line = try stream.readLine() { print(line) }
    /// ```
    ///
    /// A line ends with LF or CR LF. The bytes after the last line ending are also a line. U+FFFD
    /// replaces bytes that are not UTF-8. The call blocks the thread; the async counterparts are
    /// ``Connection/readLine(timeout:)`` and ``Connection/lines``.
    ///
    /// - Parameter timeout: The time limit for the whole line. After a timeout, the received part
    ///   stays in the stream. A timeout does not undo earlier reads. If a message takes two reads
    ///   and the second one times out, keep the bytes from the first.
    /// - Returns: The line, or `nil` at the end of the stream.
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``, and
    ///   ``SocketError/Cause/lineTooLong(limit:)`` if the line is longer than the stream's limit.
    ///   The next call then skips the rest of the line.
    public func readLine(timeout: TimeLimit = .never) throws(SocketError) -> String? {
        guard let line = try nextLine(timeout: timeout) else { return nil }
        return String(decoding: line, as: UTF8.self)
    }

    /// Calls `body` with the bytes of the next line without copying them.
    ///
    /// ```swift
    /// while let count = try stream.withLine({ $0.byteCount }) { total += count }
    /// ```
    ///
    /// This is the fastest way to read lines. The line is consumed even if `body` throws. `body`
    /// must not read from the stream. The call blocks the thread; the async counterpart is
    /// ``Connection/withLine(timeout:_:)``.
    ///
    /// - Parameters:
    ///   - timeout: The time limit for the whole line. A timeout does not undo earlier reads. If a
    ///     message takes two reads and the second one times out, keep the bytes from the first.
    ///   - body: The closure that receives the line without its line ending.
    /// - Returns: The result of `body`, or `nil` at the end of the stream.
    /// - Throws: The errors of ``readLine(timeout:)``, and the error that `body` throws.
    @inlinable
    public func withLine<Result>(
        timeout: TimeLimit = .never, _ body: (RawSpan) throws -> Result
    ) throws -> Result? {
        guard let line = try nextLine(timeout: timeout) else { return nil }
        borrowers &+= 1
        defer { borrowers &-= 1 }
        // Safe because the bytes stay in the buffer. All reads that could change its memory throw
        // while a closure is using the bytes.
        return try body(RawSpan(_unsafeBytes: line))
    }

    /// Removes and returns the next line, or returns `nil` at the end of the stream.
    ///
    /// The returned bytes are valid until the next `fill`.
    @usableFromInline
    func nextLine(timeout: TimeLimit) throws(SocketError) -> UnsafeRawBufferPointer? {
        var deadline = Deadline(timeout)
        var line = input.takeLine(&scanner)
        while case .needsMore = line {
            guard try fill(&deadline) else {
                line = input.takeLastLine(&scanner)
                break
            }
            line = input.takeLine(&scanner)
        }
        switch line {
        case .message(let line): return line
        case .failed(let cause): throw socket.failure(.read, cause)
        case .needsMore: return nil
        }
    }
}
