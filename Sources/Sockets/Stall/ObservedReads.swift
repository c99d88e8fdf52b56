/// The numbers of bytes that the programs at both ends were seen to read between two samples.
///
/// The statistics of one end do not show every read of the peer, because a kernel opens its window
/// only after the program has read a large part of the buffer. But if the peer's statistics are
/// available too, its shrinking receive queue shows each read.
package struct ObservedReads: Hashable, Sendable {
    /// The bytes that this end read; nil if that is unknown.
    package var here: Int?
    /// The bytes that the peer read; nil if that is unknown.
    package var atPeer: Int?

    package init(here: Int? = nil, atPeer: Int? = nil) {
        self.here = here
        self.atPeer = atPeer
    }
}

extension ConnectionStatistics {
    /// Returns how many bytes the program has read since an earlier sample of the same socket, or
    /// nil if the queue is unknown.
    ///
    /// If the kernel does not count the received bytes, the result is a lower bound.
    package func bytesRead(since earlier: ConnectionStatistics) -> Int? {
        guard let before = earlier.receiveQueue, let after = receiveQueue else { return nil }
        guard let start = earlier.readPosition(before), let end = readPosition(after) else {
            return max(0, before &- after)
        }
        return max(0, end &- start)
    }

    /// Returns the number of bytes that the program has read since the connection was made, or nil
    /// if the kernel does not count them.
    private func readPosition(_ unread: Int) -> Int? {
        // The kernel counts a FIN as a received byte.
        bytesReceived.map { $0 &- unread &- (hasPeerHalfClosed == true ? 1 : 0) }
    }
}
