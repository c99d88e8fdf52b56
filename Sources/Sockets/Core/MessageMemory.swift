/// Memory for one Unix datagram or packet, which may be longer than an Internet datagram.
final class MessageMemory: @unchecked Sendable {
    // Safe because only the receiving task uses the memory, and at most one task receives at a
    // time. `EventSource.beginReading` and `endReading` make its changes visible to the next task.
    @exclusivity(unchecked) private var memory: UnsafeMutableRawBufferPointer?

    deinit { memory?.deallocate() }

    /// Returns uninitialized memory for one message of at most `count` bytes.
    ///
    /// The memory is valid until the next call.
    func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        // Limit the size, because `count` may be `Int.max`. The kernel delivers no message that is
        // longer than this limit. A large buffer costs little, because its pages are not used
        // before the kernel writes to them.
        let count = Swift.min(Swift.max(0, count), 1 << 24)
        if let memory, memory.count >= count { return .init(rebasing: memory[..<count]) }
        memory?.deallocate()
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(count, 65_536), alignment: 16)
        memory = room
        return UnsafeMutableRawBufferPointer(rebasing: room[..<count])
    }
}
