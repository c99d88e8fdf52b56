/// The outcome of looking for a message at the front of the received bytes.
enum ParseResult<Message> {
    /// The message, which was taken out of the buffer.
    case message(Message)
    /// No complete message yet. More bytes have to be received.
    case needsMore
    /// No message, and waiting does not help.
    case failed(SocketError.Cause)
}

/// Takes one message of a `Framing` out of a buffer as the bytes arrive.
///
/// It makes no I/O. The blocking `SocketStream` and the async `Connection` share it, and differ only in
/// how they wait for more bytes.
struct MessageParser {
    let framing: Framing
    /// The longest message that ends with a byte.
    private let delimitedLimit: Int
    private var scanned = 0

    init(_ framing: Framing, delimitedLimit: Int) {
        self.framing = framing
        self.delimitedLimit = delimitedLimit
    }

    /// Takes the message if it is complete.
    ///
    /// If `isAtEnd` is true, the stream has ended. The rest then counts as a line, and as a message
    /// that ends with a byte. `needsMore` then says that the stream ended before the message.
    mutating func next(
        _ input: inout ByteBuffer, _ scanner: inout LineScanner, isAtEnd: Bool
    ) -> ParseResult<[UInt8]> {
        switch framing {
        case .toEnd(let limit):
            if input.count > limit { return .failed(.tooLarge(limit: limit)) }
            return isAtEnd ? .message(input.take(input.count)) : .needsMore
        case .exactly(let count):
            return input.count < count ? .needsMore : .message(input.take(max(0, count)))
        case .until(let byte):
            let part = input.take(upTo: byte, limit: delimitedLimit, scanned: &scanned)
            guard case .needsMore = part, isAtEnd, !input.isEmpty else { return part }
            return .message(input.take(input.count))
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
    /// The part to receive into, large enough to be worth a system call.
    var roomToFill: UnsafeMutableRawBufferPointer {
        mutating get { room(atLeast: max(1, min(usualRoom, 4096))) }
    }

    /// Takes `count` bytes, or all if there are fewer.
    mutating func take(_ count: Int) -> [UInt8] {
        let bytes = [UInt8](bytes.prefix(count))
        consume(bytes.count)
        trim()
        return bytes
    }

    /// Takes the next line, without its end; or the rest if the stream has ended.
    ///
    /// The bytes stay in place until the buffer is written to.
    @inline(__always)
    mutating func takeLine(
        _ scanner: inout LineScanner, isAtEnd: Bool
    ) -> ParseResult<UnsafeRawBufferPointer> {
        let line = takeLine(&scanner)
        guard case .needsMore = line, isAtEnd else { return line }
        return takeLastLine(&scanner)
    }

    /// Takes the next line, without its end.
    ///
    /// The bytes stay in place until the buffer is written to.
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
        case .needsMore:
            return .needsMore
        }
    }

    /// Takes the bytes after the last line end; `needsMore` if there are none.
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

    /// Takes everything up to and including the first `byte`.
    ///
    /// - Parameters:
    ///   - byte: The byte that ends the message.
    ///   - limit: The longest message, in bytes.
    ///   - scanned: The number of bytes without that byte; 0 at first, and kept from call to call.
    /// - Returns: The message, or whether more bytes are needed.
    mutating func take(
        upTo byte: UInt8, limit: Int, scanned: inout Int
    ) -> ParseResult<[UInt8]> {
        let unseen = UnsafeRawBufferPointer(rebasing: bytes[scanned...])
        if let offset = System.memchr(byte, in: unseen), scanned + offset < limit {
            return .message(take(scanned + offset + 1))
        }
        scanned = count
        return scanned >= limit ? .failed(.tooLarge(limit: limit)) : .needsMore
    }
}
