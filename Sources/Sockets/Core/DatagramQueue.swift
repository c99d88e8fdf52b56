internal import SystemPackage

/// The datagrams that a channel has received and not yet returned.
final class DatagramQueue: @unchecked Sendable {
    // Safe: only the task that holds the reading direction uses it, one at a time. The direction is
    // acquired and released, so each task sees the changes of the previous one.
    @exclusivity(unchecked) private var batch = DatagramBatch()
    @exclusivity(unchecked) private var buffer = ByteBuffer(capacity: 65536)

    /// Whether all received datagrams were returned.
    @inline(__always)
    var isEmpty: Bool { batch.isEmpty }

    /// Returns the oldest received datagram.
    @inline(__always)
    func next() -> ReceivedDatagram? { batch.next() }

    /// Receives the available Internet datagrams if the queue is empty.
    ///
    /// Returns `false` if there may be more.
    @inline(__always)
    func refill(from descriptor: Int32) throws(Errno) -> Bool {
        try System.recvmmsg(descriptor, &batch, [.fullLength, .dontWait]) < DatagramBatch.capacity
    }

    /// Returns uninitialized memory for one datagram of a Unix socket, which may be longer than an
    /// Internet datagram.
    ///
    /// It is valid until the next call.
    func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        // Limited to the longest datagram, because `count` may be `Int.max`.
        let count = Swift.min(Swift.max(0, count), 1 << 24)
        return UnsafeMutableRawBufferPointer(rebasing: buffer.room(atLeast: count)[..<count])
    }
}
