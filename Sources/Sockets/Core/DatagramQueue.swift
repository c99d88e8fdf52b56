internal import SystemPackage

/// A queue of datagrams that a channel has received but not yet returned.
final class DatagramQueue: @unchecked Sendable {
    // Safe because only the receiving task uses the queue, and at most one task receives at a time.
    // `EventSource.begin` and `end` make its changes visible to the next task.
    @exclusivity(unchecked) private var batch = DatagramBatch()
    /// Room for one Unix datagram.
    @exclusivity(unchecked) private var memory: UnsafeMutableRawBufferPointer?

    deinit { memory?.deallocate() }

    /// A Boolean value that indicates whether all received datagrams have been returned.
    @inline(__always)
    var isEmpty: Bool { batch.isEmpty }

    /// Removes and returns the oldest datagram, or returns `nil` if the queue is empty.
    @inline(__always)
    func next() -> ReceivedDatagram? { batch.next() }

    /// Receives the available Internet datagrams into the empty queue.
    ///
    /// Returns `false` if the kernel may have more datagrams.
    @inline(__always)
    func refill(from descriptor: Int32) throws(Errno) -> Bool {
        try System.recvmmsg(descriptor, &batch, [.fullLength, .dontWait]) < DatagramBatch.capacity
    }

    /// Returns uninitialized memory for one Unix datagram, which may be longer than an Internet
    /// datagram.
    ///
    /// The memory is valid until the next call.
    func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        // Limit the size, because `count` may be `Int.max`. The kernel delivers no datagram that is
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
