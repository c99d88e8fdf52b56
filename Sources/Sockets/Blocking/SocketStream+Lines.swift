// Lines.
extension SocketStream {
    /// Reads the next line as a string, without its end.
    ///
    /// ```swift
    /// while let line = try stream.readLine() { print(line) }
    /// ```
    ///
    /// A line ends with LF or CR LF. Bytes after the last line end are a line too. U+FFFD replaces
    /// bytes that are not UTF-8. The call blocks the thread; the async counterparts are
    /// ``Connection/readLine(timeout:)`` and ``Connection/lines``.
    ///
    /// - Parameter timeout: The limit for the whole line. After a timeout, the received part stays in
    ///   the stream.
    /// - Returns: The line, or `nil` at the end of the stream.
    /// - Throws: ``SocketError/Cause/lineTooLong(limit:)`` if the line is longer than the stream's
    ///   limit; the next call skips its rest. The errors of ``Socket/receive(atMost:timeout:)``.
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
    /// This is the fastest way to read lines. The line is consumed, also if `body` throws. `body`
    /// must not read from the stream. The call blocks the thread; the async counterpart is
    /// ``Connection/withLine(timeout:_:)``.
    ///
    /// - Parameters:
    ///   - timeout: The limit for the whole line.
    ///   - body: The closure that gets the line without its end.
    /// - Returns: The result of `body`, or `nil` at the end of the stream.
    /// - Throws: The errors of ``readLine(timeout:)``, and the error that `body` throws.
    @inlinable
    public func withLine<Result>(
        timeout: TimeLimit = .never, _ body: (RawSpan) throws -> Result
    ) throws -> Result? {
        guard let line = try nextLine(timeout: timeout) else { return nil }
        isLending = true
        defer { isLending = false }
        // Safe: the bytes stay in the stream's buffer until it is filled, which is refused while
        // they are lent.
        return try body(RawSpan(_unsafeBytes: line))
    }

    /// Takes the next line.
    ///
    /// Its bytes stay in place until the stream is filled again.
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
        case .failed(let cause): throw failure(.read, cause)
        case .needsMore: return nil
        }
    }
}
