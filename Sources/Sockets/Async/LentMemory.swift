/// Memory that is lent to one operation at a time, and kept for the next.
final class LentMemory: @unchecked Sendable {
    // Safe: only who holds the reading direction of the channel touches it, one task at a time. It
    // is taken with acquire and given back with release, so that each one sees what the one before
    // has done.
    @exclusivity(unchecked) private var buffer = ByteBuffer(capacity: 65536)

    /// At least `count` bytes, whatever is in them. Valid until it is called again.
    func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        // No more than one datagram can be: "as much as there is" must not ask for all memory.
        let count = Swift.min(Swift.max(0, count), 1 << 24)
        return UnsafeMutableRawBufferPointer(rebasing: buffer.room(atLeast: count)[..<count])
    }
}
