/// Several pieces of bytes that are sent one after the other, and how far that has got.
struct GatherCursor {
    /// The pieces that have not gone whole.
    private(set) var parts: ArraySlice<[UInt8]>
    /// How many bytes of the first of them have gone.
    private(set) var skipped = 0
    /// How many bytes have gone in all.
    private(set) var advanced = 0

    init(_ parts: [[UInt8]]) {
        self.parts = parts[...]
        advance(by: 0)
    }

    var isAtEnd: Bool { parts.isEmpty }

    /// So many bytes have gone.
    mutating func advance(by count: Int) {
        advanced += count
        skipped += count
        while let first = parts.first, skipped >= first.count {
            skipped -= first.count
            parts.removeFirst()
        }
    }
}
