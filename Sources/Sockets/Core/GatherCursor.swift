/// A position in several byte arrays that are sent in order.
struct GatherCursor {
    /// The arrays that still have unsent bytes.
    private(set) var parts: ArraySlice<[UInt8]>
    /// The number of bytes already sent from the first of `parts`.
    private(set) var skipped = 0
    /// The total number of bytes sent.
    private(set) var advanced = 0

    init(_ parts: [[UInt8]]) {
        self.parts = parts[...]
        advance(by: 0)
    }

    var isAtEnd: Bool { parts.isEmpty }

    /// Returns the next unsent bytes, in one array.
    func joined(atMost count: Int) -> [UInt8] {
        Array(parts.joined().dropFirst(skipped).prefix(count))
    }

    /// Records that `count` more bytes were sent.
    mutating func advance(by count: Int) {
        advanced += count
        skipped += count
        while let first = parts.first, skipped >= first.count {
            skipped -= first.count
            parts.removeFirst()
        }
    }
}
