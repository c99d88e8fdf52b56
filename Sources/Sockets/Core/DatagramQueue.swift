internal import SystemPackage

/// Where the datagrams of a channel arrive, and wait to be taken.
final class DatagramQueue: @unchecked Sendable {
    // Safe: only who holds the reading direction of the channel touches it, one task at a time. It
    // is taken with acquire and given back with release, so that each one sees what the one before
    // has done.
    @exclusivity(unchecked) private var batch = DatagramBatch()
    @exclusivity(unchecked) private var buffer = ByteBuffer(capacity: 65536)

    /// Whether all that have come were taken.
    @inline(__always)
    var isEmpty: Bool { batch.isEmpty }

    /// The datagram that came first of those that nobody has taken.
    @inline(__always)
    func next() -> ReceivedDatagram? { batch.next() }

    /// Brings the Internet datagrams that are there, when none is left; false if there may be more.
    @inline(__always)
    func refill(from descriptor: Int32) throws(Errno) -> Bool {
        try System.recvmmsg(descriptor, &batch, [.fullLength, .dontWait]) < DatagramBatch.capacity
    }

    /// Memory for one datagram of a Unix socket, which may be longer than an Internet datagram: at
    /// least `count` bytes, whatever is in them. Valid until it is called again.
    func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        // No more than one datagram can be: "as much as there is" must not ask for all memory.
        let count = Swift.min(Swift.max(0, count), 1 << 24)
        return UnsafeMutableRawBufferPointer(rebasing: buffer.room(atLeast: count)[..<count])
    }
}
