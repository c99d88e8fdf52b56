/// Finds the next line in bytes that arrive in pieces, under a length limit.
///
/// It performs no I/O. It stores how many bytes it has scanned, so a line that arrives byte by byte
/// is not scanned from the start each time.
struct LineScanner {
    /// The result of a scan.
    enum Match: Equatable {
        /// A line of `length` bytes, or of `consumed` bytes including its line ending.
        case line(length: Int, consumed: Int)
        /// A line longer than the limit, so `consumed` bytes can be discarded. If `isOpen` is true,
        /// the line ending has not arrived yet.
        case tooLong(consumed: Int, isOpen: Bool)
        /// There is no line ending yet, so more bytes must be received.
        case needsMore
    }

    /// The maximum length of a line in bytes, without its line ending.
    ///
    /// It must be a result of `clamped`.
    var limit: Int

    private var scanned = 0
    /// A Boolean value that indicates whether the rest of an overlong line must be discarded.
    private(set) var isSkipping = false

    init(limit: Int) { self.limit = Self.clamped(limit) }

    /// Returns the nearest valid limit.
    ///
    /// It is below `Int.max`, because `scan` adds 1 to it for a CR.
    static func clamped(_ limit: Int) -> Int { min(max(0, limit), Int.max - 1) }

    /// Scans all bytes that were received but not yet consumed.
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

    /// Resets the scan position after the scanned bytes were consumed.
    @inline(__always)
    mutating func restart() { scanned = 0 }

    /// Starts discarding bytes up to the next line ending.
    mutating func skipLine() {
        scanned = 0
        isSkipping = true
    }

    /// Returns how many bytes at the front belong to the line that is being discarded.
    @inline(never)
    mutating func skip(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard isSkipping else { return 0 }
        guard let end = System.memchr(UInt8(ascii: "\n"), in: bytes) else { return bytes.count }
        isSkipping = false
        return end + 1
    }

    /// Stops discarding, so a read of another kind returns the rest of the line.
    mutating func stopSkipping() {
        isSkipping = false
        scanned = 0
    }
}
