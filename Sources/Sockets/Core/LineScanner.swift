/// Finds the next line in bytes that arrive in pieces, under a length limit.
///
/// This is a decision without I/O. It remembers the scanned part, so that a line which arrives byte by
/// byte is not scanned from the start each time.
struct LineScanner {
    /// What the bytes begin with.
    enum Match: Equatable {
        /// A line of `length` bytes, which is `consumed` bytes long with its end.
        case line(length: Int, consumed: Int)
        /// A line longer than the limit, of which `consumed` bytes can be discarded. If it is open, its
        /// end has not arrived.
        case tooLong(consumed: Int, isOpen: Bool)
        /// No line end yet. More bytes have to be received.
        case needsMore
    }

    /// The longest line, in bytes, without its end.
    let limit: Int

    private var scanned = 0
    /// Whether the rest of a line that was too long has to be discarded.
    private(set) var isSkipping = false

    init(limit: Int) {
        // A CR may follow a line of this length.
        self.limit = min(max(0, limit), Int.max - 1)
    }

    /// Scans all bytes that were received and not yet consumed.
    @inline(__always)
    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Match {
        let unseen = UnsafeRawBufferPointer(rebasing: bytes[scanned...])
        guard let offset = System.memchr(UInt8(ascii: "\n"), in: unseen) else {
            scanned = bytes.count
            // One byte beyond the limit is allowed, because it may be the CR of a CRLF.
            guard bytes.count > limit + 1 else { return .needsMore }
            return .tooLong(consumed: bytes.count, isOpen: true)
        }
        let end = scanned + offset
        let length = end > 0 && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
        guard length <= limit else { return .tooLong(consumed: end + 1, isOpen: false) }
        return .line(length: length, consumed: end + 1)
    }

    /// Forgets the scanned part, because its bytes were consumed.
    @inline(__always)
    mutating func restart() {
        scanned = 0
    }

    /// Discards everything up to the next line end from now on.
    mutating func skipLine() {
        scanned = 0
        isSkipping = true
    }

    /// Returns how many of the bytes belong to a line that is being discarded.
    @inline(never)
    mutating func skip(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard isSkipping else { return 0 }
        guard let end = System.memchr(UInt8(ascii: "\n"), in: bytes) else { return bytes.count }
        isSkipping = false
        return end + 1
    }

    /// Stops discarding, so that a read of another kind gets the rest of the line.
    mutating func stopSkipping() {
        isSkipping = false
        scanned = 0
    }
}
