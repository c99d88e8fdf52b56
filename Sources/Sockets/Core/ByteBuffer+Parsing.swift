/// What can be taken from the bytes that have come.
enum ParseResult<Part> {
    /// This.
    case part(Part)
    /// Nothing yet: more bytes have to come.
    case more
    /// Nothing, and waiting will not help.
    case refused(SocketError.Cause)
}

// The decisions of reads, without I/O: the blocking `SocketStream` and the tasks' streams differ
// only in how they wait for more.
extension ByteBuffer {
    /// The part to receive into: as much as there is room for, and worth a call.
    var roomToFill: UnsafeMutableRawBufferPointer {
        mutating get { room(atLeast: max(1, min(usualRoom, 4096))) }
    }

    /// Takes so many bytes, or all if there are fewer.
    mutating func take(_ count: Int) -> [UInt8] {
        let bytes = [UInt8](bytes.prefix(count))
        consume(bytes.count)
        trim()
        return bytes
    }

    /// Takes the next line, without its end. Its bytes stay where they are until the buffer is
    /// written to.
    @inline(__always)
    mutating func takeLine(_ scanner: inout LineScanner) -> ParseResult<UnsafeRawBufferPointer> {
        consume(scanner.skip(bytes))
        let bytes = bytes
        switch scanner.scan(bytes) {
        case .line(let length, let consumed):
            consume(consumed)
            scanner.restart()
            return .part(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        case .tooLong(let consumed, let isOpen):
            consume(consumed)
            if isOpen { scanner.skipLine() } else { scanner.restart() }
            return .refused(.lineTooLong(limit: scanner.limit))
        case .more:
            return .more
        }
    }

    /// Takes what came after the last line end, when nothing more will come; `more` if that is
    /// nothing.
    mutating func takeLastLine(_ scanner: inout LineScanner) -> ParseResult<UnsafeRawBufferPointer>
    {
        let rest = bytes
        scanner.restart()
        guard !rest.isEmpty else { return .more }
        consume(rest.count)
        guard rest.count <= scanner.limit else {
            return .refused(.lineTooLong(limit: scanner.limit))
        }
        return .part(rest)
    }

    /// Takes everything up to and with the first such byte.
    ///
    /// - Parameters:
    ///   - limit: how many bytes that may be.
    ///   - scanned: how many have been looked at in vain; 0 at first, and kept from call to call.
    mutating func take(
        upTo byte: UInt8, limit: Int, scanned: inout Int
    ) -> ParseResult<[UInt8]> {
        let unseen = UnsafeRawBufferPointer(rebasing: bytes[scanned...])
        if let offset = System.memchr(byte, in: unseen), scanned + offset < limit {
            return .part(take(scanned + offset + 1))
        }
        scanned = count
        return scanned >= limit ? .refused(.tooLarge(limit: limit)) : .more
    }
}
