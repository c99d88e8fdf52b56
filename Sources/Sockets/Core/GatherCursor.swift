/// The position in several pieces of bytes that are sent in order.
struct GatherCursor {
    /// The pieces that were not sent completely.
    private(set) var parts: ArraySlice<[UInt8]>
    /// The number of bytes of the first piece that were sent.
    private(set) var skipped = 0
    /// The total number of bytes that were sent.
    private(set) var advanced = 0

    init(_ parts: [[UInt8]]) {
        self.parts = parts[...]
        advance(by: 0)
    }

    var isAtEnd: Bool { parts.isEmpty }

    /// Notes that `count` more bytes were sent.
    mutating func advance(by count: Int) {
        advanced += count
        skipped += count
        while let first = parts.first, skipped >= first.count {
            skipped -= first.count
            parts.removeFirst()
        }
    }
}
