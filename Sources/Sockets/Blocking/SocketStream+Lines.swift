// Lines.
extension SocketStream {
    /// Reads the next line as a string, without its end; nil at the end of the stream.
    ///
    /// A line ends with LF or CR LF. What comes after the last line end is a line too, unless it is
    /// nothing. Bytes that are not UTF-8 are replaced by U+FFFD.
    ///
    /// - Throws: `.lineTooLong` if the line is longer than the stream's limit; the rest of it is
    ///   passed over then, and the next call reads the line after it. As `Socket.receive`; after a
    ///   time-out the part that had come is still in the stream.
    public func readLine(timeout: TimeLimit = .never) throws(SocketError) -> String? {
        guard let line = try nextLine(timeout: timeout) else { return nil }
        return String(decoding: line, as: UTF8.self)
    }

    /// Lends the bytes of the next line to `body`, without copying them; nil at the end of the
    /// stream.
    ///
    /// As `readLine`, and the fastest way to go through lines. The line is taken, also if `body`
    /// throws. Reading from the stream inside `body` is refused.
    ///
    /// - Throws: as `readLine`, and what `body` throws.
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

    /// Takes the next line; its bytes stay where they are until the stream is filled again.
    @usableFromInline
    func nextLine(timeout: TimeLimit) throws(SocketError) -> UnsafeRawBufferPointer? {
        var deadline = Deadline(timeout)
        var line = input.takeLine(&scanner)
        while case .more = line {
            guard try fill(&deadline) else {
                line = input.takeLastLine(&scanner)
                break
            }
            line = input.takeLine(&scanner)
        }
        switch line {
        case .part(let line): return line
        case .refused(let cause): throw failure(.read, cause)
        case .more: return nil
        }
    }
}
