internal import Synchronization

// Lines.
extension Connection {
    /// The lines that come until the end of the stream, as strings; see `readLine`.
    ///
    /// ```swift
    /// for try await line in connection.lines { print(line) }
    /// ```
    ///
    /// Each line may take as long as `readTimeout` says. The sequence keeps nothing: the loop can be
    /// left and the rest read in another way, or in another loop.
    public var lines: Lines { Lines(connection: self) }

    /// The lines as bytes; see `lines`, and `withLine`, which copies nothing.
    public var byteLines: ByteLines { ByteLines(connection: self) }

    /// Reads the next line as a string, without its end; nil at the end of the stream.
    ///
    /// A line ends with LF or CR LF. What comes after the last line end is a line too, unless it is
    /// nothing. Bytes that are not UTF-8 are replaced by U+FFFD.
    ///
    /// - Parameter timeout: the connection's `readTimeout` if nil; it covers the whole line.
    /// - Throws: `.lineTooLong` if the line is longer than 65536 bytes; the rest of it is passed
    ///   over then, and the next call reads the line after it. As
    ///   `read(into: MutableRawSpan, timeout:)`; after a time-out or a cancellation the part that
    ///   had come is there for the next read.
    public func readLine(timeout: TimeLimit? = nil) async throws(SocketError) -> String? {
        if let line = try bufferedLine() { return line }
        guard let line = try await receiveLine(timeout) else { return nil }
        defer { endLine() }
        return String(decoding: line, as: UTF8.self)
    }

    /// Lends the bytes of the next line to `body`, without copying them; nil at the end of the
    /// stream.
    ///
    /// As `readLine`, and the fastest way to go through lines. The line is taken, also if `body`
    /// throws.
    ///
    /// - Throws: as `readLine`, and what `body` throws.
    @inlinable
    public func withLine<Success>(
        timeout: TimeLimit? = nil, _ body: (RawSpan) throws -> Success
    ) async throws -> Success? {
        // Safe, here and below: the bytes stay in the buffer until it is filled, which only who holds
        // the reading direction may do.
        if let line = try beginBufferedLine() {
            defer { endLine() }
            return try body(RawSpan(_unsafeBytes: line))
        }
        guard let line = try await receiveLine(timeout) else { return nil }
        defer { endLine() }
        return try body(RawSpan(_unsafeBytes: line))
    }

    /// Takes a line that has come already, and holds the reading direction until `endLine`; nil if
    /// none has come whole.
    ///
    /// Without entering the source, because the descriptor is not needed.
    @usableFromInline
    func beginBufferedLine() throws(SocketError) -> UnsafeRawBufferPointer? {
        guard !isClosed else { throw lineFailure(.closed) }
        guard !source.reading.isBusy.exchange(true, ordering: .acquiring) else {
            throw lineFailure(.busy)
        }
        switch input.takeLine(&scanner) {
        case .part(let line):
            return line
        case .more:
            endLine()
            return nil
        case .refused(let cause):
            endLine()
            throw lineFailure(cause)
        }
    }

    /// Apart, so that what it takes to make an error does not weigh upon each line.
    @inline(never)
    private func lineFailure(_ cause: SocketError.Cause) -> SocketError { failure(.read, cause) }

    @inlinable
    func bufferedLine() throws(SocketError) -> String? {
        guard let line = try beginBufferedLine() else { return nil }
        defer { endLine() }
        return String(decoding: line, as: UTF8.self)
    }

    /// Not to be inlined: elsewhere an array is made by code that is not specialized, which costs
    /// more than all the rest.
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

    /// Waits for a line, and holds the reading direction until `endLine`; nil, and then it does not
    /// hold it, at the end of the stream.
    @usableFromInline
    func receiveLine(_ timeout: TimeLimit?) async throws(SocketError) -> UnsafeRawBufferPointer? {
        try begin(.read)
        var isKept = false
        // What keeps the memory is the direction, and not the source: see `beginBufferedLine`.
        defer { if isKept { source.leave() } else { source.end(.reading) } }
        var deadline = Deadline(timeout ?? readTimeout)
        var line = input.takeLine(&scanner)
        while case .more = line {
            guard try await fill(&deadline) else {
                line = input.takeLastLine(&scanner)
                break
            }
            line = input.takeLine(&scanner)
        }
        switch line {
        case .part(let line):
            isKept = true
            return line
        case .refused(let cause): throw failure(.read, cause)
        case .more: return nil
        }
    }

    @usableFromInline
    func endLine() {
        source.reading.isBusy.store(false, ordering: .releasing)
    }

    /// The lines of a connection, as strings.
    public struct Lines: AsyncSequence, Sendable {
        /// A line without its end.
        public typealias Element = String
        /// Why there are no more.
        public typealias Failure = SocketError

        let connection: Connection

        /// Begins with the first line that nobody has taken.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: connection) }

        /// Takes lines, one after the other.
        public struct AsyncIterator: AsyncIteratorProtocol {
            @usableFromInline let connection: Connection

            /// The next line; nil at the end of the stream.
            ///
            /// - Throws: as `Connection.readLine`.
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
        /// A line without its end.
        public typealias Element = [UInt8]
        /// Why there are no more.
        public typealias Failure = SocketError

        let connection: Connection

        /// Begins with the first line that nobody has taken.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: connection) }

        /// Takes lines, one after the other.
        public struct AsyncIterator: AsyncIteratorProtocol {
            @usableFromInline let connection: Connection

            /// The next line; nil at the end of the stream.
            ///
            /// - Throws: as `Connection.readLine`.
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
