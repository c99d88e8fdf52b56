internal import Synchronization

// Reading lines.
extension Connection {
    /// The lines up to the end of the stream, as strings; see ``readLine(timeout:)``.
    ///
    /// ```swift
    /// for try await line in connection.lines { print(line) }
    /// ```
    ///
    /// ``readTimeout`` limits the wait for each line. The sequence stores no bytes, so a program
    /// can leave the loop and read the rest in another way.
    public var lines: Lines { Lines(connection: self) }

    /// The lines as bytes; see ``lines``.
    ///
    /// ``withLine(timeout:_:)`` avoids copying the bytes.
    public var byteLines: ByteLines { ByteLines(connection: self) }

    /// Reads the next line as a string without its line ending.
    ///
    /// ```swift
    /// while let line = try await connection.readLine() { print(line) }
    /// ```
    ///
    /// A line ends with LF or CR LF. At the end of the stream, the bytes after the last line ending
    /// form the last line. U+FFFD replaces bytes that are not UTF-8.
    ///
    /// - Parameter timeout: The time limit for the whole line, or `nil` for ``readTimeout``. After
    ///   a timeout or a cancellation, the received part stays in the connection. A timeout does not
    ///   undo earlier reads. If a message takes two reads and the second one times out, keep the
    ///   bytes from the first.
    /// - Returns: The line, or `nil` at the end of the stream.
    /// - Throws: The errors of ``read(atMost:timeout:)``, and
    ///   ``SocketError/Cause/lineTooLong(limit:)`` if the line is longer than ``lineLimit``. The
    ///   next call then skips the rest of the line.
    public func readLine(timeout: TimeLimit? = nil) async throws(SocketError) -> String? {
        if let line = try bufferedLine() { return line }
        guard let line = try await receiveLine(timeout) else { return nil }
        defer { endLine() }
        return String(decoding: line, as: UTF8.self)
    }

    /// Calls `body` with the bytes of the next line without copying them.
    ///
    /// ```swift
    /// while let count = try await connection.withLine({ $0.byteCount }) { total += count }
    /// ```
    ///
    /// This is the fastest way to read lines. The line is consumed even if `body` throws.
    ///
    /// - Parameters:
    ///   - timeout: The time limit for the whole line, or `nil` for ``readTimeout``. A timeout does
    ///     not undo earlier reads. If a message takes two reads and the second one times out, keep
    ///     the bytes from the first.
    ///   - body: The closure that receives the line without its line ending.
    /// - Returns: The result of `body`, or `nil` at the end of the stream.
    /// - Throws: The errors of ``readLine(timeout:)``, and the error that `body` throws.
    @inlinable
    public func withLine<Success>(
        timeout: TimeLimit? = nil, _ body: (RawSpan) throws -> Success
    ) async throws -> Success? {
        // Safe, here and below, because the bytes stay in the buffer until the next `fill`, and no
        // other task can read before `endLine`.
        if let line = try beginBufferedLine() {
            defer { endLine() }
            return try body(RawSpan(_unsafeBytes: line))
        }
        guard let line = try await receiveLine(timeout) else { return nil }
        defer { endLine() }
        return try body(RawSpan(_unsafeBytes: line))
    }

    /// Removes and returns a line that was already received.
    ///
    /// Returns `nil` if no complete line was received. If it returns a line, no other task can read
    /// until `endLine` is called, so the bytes stay valid.
    ///
    /// This method does not call `source.beginReading`, because it does not use the descriptor.
    @usableFromInline
    func beginBufferedLine() throws(SocketError) -> UnsafeRawBufferPointer? {
        guard !isClosed else { throw lineFailure(.closed) }
        guard !source.isReading.exchange(true, ordering: .acquiring) else {
            throw lineFailure(.busy)
        }
        switch input.takeLine(&scanner) {
        case .message(let line):
            return line
        case .needsMore:
            endLine()
            return nil
        case .failed(let cause):
            endLine()
            throw lineFailure(cause)
        }
    }

    /// Returns the error of a failed read.
    ///
    /// This method is not inlined, because its code would slow down every read of a line.
    @inline(never)
    private func lineFailure(_ cause: SocketError.Cause) -> SocketError { failure(.read, cause) }

    @inlinable
    func bufferedLine() throws(SocketError) -> String? {
        guard let line = try beginBufferedLine() else { return nil }
        defer { endLine() }
        return String(decoding: line, as: UTF8.self)
    }

    /// Returns the bytes of a line that was already received, or `nil` if there is none.
    ///
    /// This method is not inlinable. In another module, unspecialized code would create the array,
    /// and that would cost more than the rest of the call.
    @usableFromInline
    func bufferedBytes() throws(SocketError) -> [UInt8]? {
        guard let line = try beginBufferedLine() else { return nil }
        defer { endLine() }
        return [UInt8](line)
    }

    @usableFromInline
    func receiveBytes() async throws(SocketError) -> [UInt8]? {
        guard let line = try await receiveLine(nil) else { return nil }
        defer { endLine() }
        return [UInt8](line)
    }

    /// Waits for the next line, and removes and returns it.
    ///
    /// Returns `nil` at the end of the stream. If it returns a line, no other task can read until
    /// `endLine` is called, so the bytes stay valid.
    @usableFromInline
    func receiveLine(_ timeout: TimeLimit?) async throws(SocketError) -> UnsafeRawBufferPointer? {
        try begin(.read)
        var isKept = false
        // If the call returns a line, keep `isReading` set, because another reader could otherwise
        // overwrite the line.
        defer { if isKept { source.leave() } else { source.endReading() } }
        var deadline = Deadline(timeout ?? readTimeout)
        // Apply the limit only before a receive. Applying it to each line that is already in the
        // buffer would slow down every line.
        scanner.limit = lineLimit
        var hasEnded = false
        while true {
            switch input.takeLine(&scanner, isAtEnd: hasEnded) {
            case .message(let line):
                isKept = true
                return line
            case .failed(let cause): throw failure(.read, cause)
            case .needsMore where hasEnded: return nil
            case .needsMore: hasEnded = try await !fill(&deadline)
            }
        }
    }

    @usableFromInline
    func endLine() {
        source.endLine()
    }

    /// The lines of a connection, as strings.
    public struct Lines: AsyncSequence, Sendable {
        /// A line without its line ending.
        public typealias Element = String
        /// The error that ends the sequence.
        public typealias Failure = SocketError

        let connection: Connection

        /// Returns an iterator that starts with the first line that has not been consumed.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: connection) }

        /// An iterator over the lines.
        public struct AsyncIterator: AsyncIteratorProtocol {
            @usableFromInline let connection: Connection

            /// Waits for the next line.
            ///
            /// Returns `nil` at the end of the stream.
            ///
            /// - Throws: The errors of ``Connection/readLine(timeout:)``.
            @inlinable @inline(__always)
            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(SocketError) -> String? {
                if let line = try connection.bufferedLine() { return line }
                return try await connection.readLine()
            }
        }
    }

    /// The lines of a connection, as bytes.
    public struct ByteLines: AsyncSequence, Sendable {
        /// A line without its line ending.
        public typealias Element = [UInt8]
        /// The error that ends the sequence.
        public typealias Failure = SocketError

        let connection: Connection

        /// Returns an iterator that starts with the first line that has not been consumed.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: connection) }

        /// An iterator over the lines.
        public struct AsyncIterator: AsyncIteratorProtocol {
            @usableFromInline let connection: Connection

            /// Waits for the next line.
            ///
            /// Returns `nil` at the end of the stream.
            ///
            /// - Throws: The errors of ``Connection/readLine(timeout:)``.
            @inlinable @inline(__always)
            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(SocketError) -> [UInt8]? {
                if let line = try connection.bufferedBytes() { return line }
                return try await connection.receiveBytes()
            }
        }
    }
}
