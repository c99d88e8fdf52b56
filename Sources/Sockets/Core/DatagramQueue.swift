internal import SystemPackage

/// A queue of datagrams that a channel has received but not yet returned.
final class DatagramQueue: @unchecked Sendable {
    // Safe because only the receiving task uses the queue, and at most one task receives at a time.
    // `EventSource.begin` and `end` make its changes visible to the next task.
    @exclusivity(unchecked) private var batch = DatagramBatch()

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
}
