/// The outcome of looking for a message at the front of the received bytes.
enum ParseResult<Message> {
    /// The message, which was removed from the buffer.
    case message(Message)
    /// The message is incomplete, so more bytes must be received.
    case needsMore
    /// An error that receiving more bytes cannot resolve.
    case failed(SocketError.Cause)
}

/// Extracts one message from a buffer as its bytes arrive, according to a ``Framing``.
///
/// It performs no I/O. The blocking `SocketStream` and the async `Connection` share this type and
/// differ only in how they wait for more bytes.
struct MessageParser {
    let framing: Framing
    /// The maximum length of a message that ends with a delimiter.
    private let delimitedLimit: Int
    private var scanned = 0

    init(_ framing: Framing, delimitedLimit: Int) {
        self.framing = framing
        self.delimitedLimit = delimitedLimit
    }

    /// Removes and returns the message if it is complete.
    ///
    /// If `isAtEnd` is true, the stream has ended, so the remaining bytes form the last line or the
    /// last delimited message. The result `needsMore` then means that no complete message will
    /// arrive.
    mutating func next(
        _ input: inout ByteBuffer, _ scanner: inout LineScanner, isAtEnd: Bool
    ) -> ParseResult<[UInt8]> {
        switch framing {
        case .toEnd(let limit):
            if input.count > limit { return .failed(.tooLarge(limit: limit)) }
            return isAtEnd ? .message(input.take(input.count)) : .needsMore
        case .exactly(let count):
            return input.count < count ? .needsMore : .message(input.take(max(0, count)))
        case .until(let delimiter):
            let part = input.take(upTo: delimiter, limit: delimitedLimit, scanned: &scanned)
            guard case .needsMore = part, isAtEnd, !input.isEmpty else { return part }
            return .message(input.take(input.count))
        case .frame(let length):
            switch length.size(of: input.bytes) {
            case .message(let size):
                guard input.count >= size else { return .needsMore }
                input.consume(length.width)
                return .message(input.take(size - length.width))
            case .needsMore: return .needsMore
            case .failed(let cause): return .failed(cause)
            }
        case .line:
            switch input.takeLine(&scanner, isAtEnd: isAtEnd) {
            case .message(let line): return .message([UInt8](line))
            case .needsMore: return .needsMore
            case .failed(let cause): return .failed(cause)
            }
        }
    }
}

extension ByteBuffer {
    /// The free memory to receive into, large enough to be worth a system call.
    var roomToFill: UnsafeMutableRawBufferPointer {
        mutating get { room(atLeast: max(1, min(usualRoom, 4096))) }
    }

    /// Removes and returns the first `count` bytes, or all bytes if there are fewer.
    mutating func take(_ count: Int) -> [UInt8] {
        let bytes = [UInt8](bytes.prefix(count))
        consume(bytes.count)
        trim()
        return bytes
    }

    /// Removes and returns the next line without its line ending, or the remaining bytes if the
    /// stream has ended.
    ///
    /// The returned bytes are valid until the next write to the buffer.
    @inline(__always)
    mutating func takeLine(
        _ scanner: inout LineScanner, isAtEnd: Bool
    ) -> ParseResult<UnsafeRawBufferPointer> {
        let line = takeLine(&scanner)
        guard case .needsMore = line, isAtEnd else { return line }
        return takeLastLine(&scanner)
    }

    /// Removes and returns the next line without its line ending.
    ///
    /// The returned bytes are valid until the next write to the buffer.
    @inline(__always)
    mutating func takeLine(_ scanner: inout LineScanner) -> ParseResult<UnsafeRawBufferPointer> {
        if _slowPath(scanner.isSkipping) { consume(scanner.skip(bytes)) }
        let bytes = bytes
        switch scanner.scan(bytes) {
        case .line(let length, let consumed):
            consume(consumed)
            scanner.restart()
            return .message(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        case .tooLong(let consumed, let isOpen):
            consume(consumed)
            if isOpen { scanner.skipLine() } else { scanner.restart() }
            return .failed(.lineTooLong(limit: scanner.limit))
        case .needsMore: return .needsMore
        }
    }

    /// Removes and returns the bytes after the last line ending, or returns `needsMore` if there
    /// are none.
    mutating func takeLastLine(
        _ scanner: inout LineScanner
    ) -> ParseResult<UnsafeRawBufferPointer> {
        let rest = bytes
        scanner.restart()
        guard !rest.isEmpty else { return .needsMore }
        consume(rest.count)
        guard rest.count <= scanner.limit else {
            return .failed(.lineTooLong(limit: scanner.limit))
        }
        return .message(rest)
    }

    /// Removes and returns the bytes up to and including the first delimiter.
    ///
    /// - Parameters:
    ///   - delimiter: The bytes that end the message.
    ///   - limit: The maximum length of the message, in bytes.
    ///   - scanned: The number of bytes that were already searched. Start with 0, and pass the same
    ///     variable to each call.
    /// - Returns: The message, `needsMore`, or a failure if the message exceeds `limit` or if the
    ///   delimiter is empty.
    mutating func take(
        upTo delimiter: [UInt8], limit: Int, scanned: inout Int
    ) -> ParseResult<[UInt8]> {
        if delimiter.isEmpty {
            return .failed(.invalidInput("the delimiter is empty: expected at least one byte"))
        }
        if let end = Framing.end(of: delimiter, in: bytes, searched: scanned), end <= limit {
            return .message(take(end))
        }
        scanned = count
        return scanned >= limit ? .failed(.tooLarge(limit: limit)) : .needsMore
    }

    /// Removes the bytes that a parser consumed, and returns its value.
    ///
    /// - Parameters:
    ///   - parsed: The result of the parser for all bytes in the buffer, or `nil` if it asked for
    ///     more bytes.
    ///   - limit: The number of buffered bytes from which the parser must no longer ask for more.
    /// - Returns: The value, `needsMore`, or a failure if the parser asked for more bytes at the
    ///   limit or consumed an impossible number of bytes. A failure consumes nothing.
    mutating func take<Value>(
        _ parsed: (consumed: Int, value: Value)?, limit: Int
    ) -> ParseResult<Value> {
        guard let parsed else {
            return count >= limit ? .failed(.tooLarge(limit: limit)) : .needsMore
        }
        guard 0...count ~= parsed.consumed else {
            return .failed(
                .invalidInput(
                    "the parser consumed \(parsed.consumed) bytes: expected 0 to \(count)"))
        }
        consume(parsed.consumed)
        trim()
        return .message(parsed.value)
    }
}
