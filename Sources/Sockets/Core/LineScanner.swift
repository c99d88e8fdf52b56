/// Finds the next line in bytes that arrive in pieces, under a limit.
///
/// A decision without I/O. It remembers how far it has looked, so that a line which arrives byte by
/// byte is not looked at again from the start each time.
struct LineScanner {
    /// What the bytes begin with.
    enum Finding: Equatable {
        /// A line of `length` bytes; with its end it takes up `consumed`.
        case line(length: Int, consumed: Int)
        /// A line longer than the limit, of which `consumed` bytes can be thrown away. If it is
        /// `open`, its end has not been seen.
        case tooLong(consumed: Int, isOpen: Bool)
        /// No end yet: more bytes have to come.
        case more
    }

    /// The longest line, in bytes, without its end.
    let limit: Int

    private var scanned = 0
    /// The rest of a line that was too long is still to be thrown away.
    private var isSkipping = false

    init(limit: Int) {
        // Room for the CR that may stand behind a line of this length.
        self.limit = min(max(0, limit), Int.max - 1)
    }

    /// Looks at everything that has been received and not yet taken.
    @inline(__always)
    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Finding {
        let unseen = UnsafeRawBufferPointer(rebasing: bytes[scanned...])
        guard let offset = System.memchr(UInt8(ascii: "\n"), in: unseen) else {
            scanned = bytes.count
            // One more than the limit may be the CR of a line end.
            guard bytes.count > limit + 1 else { return .more }
            return .tooLong(consumed: bytes.count, isOpen: true)
        }
        let end = scanned + offset
        let length = end > 0 && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
        guard length <= limit else { return .tooLong(consumed: end + 1, isOpen: false) }
        return .line(length: length, consumed: end + 1)
    }

    /// The bytes that were scanned are gone; the next scan starts with others.
    @inline(__always)
    mutating func restart() {
        scanned = 0
    }

    /// From now on everything up to the next line end is to be thrown away.
    mutating func skipLine() {
        scanned = 0
        isSkipping = true
    }

    /// Of bytes that have come, how many belong to a line that is being thrown away.
    @inline(__always)
    mutating func skip(_ bytes: UnsafeRawBufferPointer) -> Int {
        _fastPath(!isSkipping) ? 0 : skipRest(bytes)
    }

    @inline(never)
    private mutating func skipRest(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let end = System.memchr(UInt8(ascii: "\n"), in: bytes) else { return bytes.count }
        isSkipping = false
        return end + 1
    }

    /// Forgets the line that was being thrown away: its rest is wanted after all.
    mutating func stopSkipping() {
        isSkipping = false
        scanned = 0
    }
}
