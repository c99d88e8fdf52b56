/// What the kernel tells of one connection at one moment: queues, windows, times.
///
/// A figure that this kernel does not give, or not for this kind of socket, is nil, and never zero:
/// `tcp_info` grew over the years, and of a Unix socket the kernel tells little.
public struct ConnectionStatistics: Hashable, Sendable {
    /// Where a TCP connection stands: RFC 9293, section 3.3.2.
    public enum State: UInt8, Hashable, Sendable, CaseIterable {
        /// Both directions are open.
        case established = 1
        /// We are connecting, and have had no answer.
        case synSent
        /// A caller is connecting.
        case synReceived
        /// We have ended our half, which has not been acknowledged.
        case finWait1
        /// We have ended our half; the peer has not.
        case finWait2
        /// Both have ended; the kernel waits for stragglers.
        case timeWait
        /// There is no connection: never made, reset, or given up.
        case closed
        /// The peer has ended its half; we have not.
        case closeWait
        /// The peer and we have ended, and ours has not been acknowledged.
        case lastAck
        /// The socket waits for callers.
        case listening
        /// Both have ended at the same time.
        case closing
    }

    /// When these figures were taken, by the continuous clock, which has no meaning by itself.
    public var takenAt: Duration

    /// Where a TCP connection stands; nil for other sockets.
    public var state: State?

    // MARK: Queues, in bytes

    /// Received by the kernel, and not read by us.
    public var unread: Int?
    /// Written by us and not acknowledged by the peer's kernel. Of a Unix socket: not read by the
    /// peer, counted with what the kernel needs to keep it.
    public var queued: Int?
    /// The part of `queued` that has not been sent at all.
    public var unsent: Int?
    /// How long both queues have been as they are, as far as somebody has watched; nil after one look.
    public var sinceQueuesChanged: Duration?
    /// The limit of the send buffer, as the kernel counts it.
    public var sendBuffer: Int?
    /// The limit of the receive buffer, as the kernel counts it.
    public var receiveBuffer: Int?

    // MARK: Windows, in bytes

    /// How much more the peer is ready to take, from the last byte it has acknowledged.
    public var peerWindow: Int?
    /// How much more we are ready to take.
    public var ownWindow: Int?
    /// The most that goes into one segment to the peer.
    public var segmentSize: Int?
    /// The most that came in one segment from the peer.
    public var peerSegmentSize: Int?

    // MARK: What is under way

    /// Segments that were sent and not acknowledged.
    public var segmentsInFlight: Int?
    /// How often the segment that waits longest has been sent again by the clock, without an
    /// acknowledgement since.
    public var retransmissions: Int?
    /// Probes (of a closed window, or to keep the connection alive) that were not answered.
    public var probes: Int?
    /// How often the time to the next retransmission or probe has been doubled.
    public var backoff: Int?
    /// All segments that were ever sent again.
    public var totalRetransmissions: Int?

    // MARK: Times

    /// Since data was last sent, for the first time or again.
    public var sinceDataSent: Duration?
    /// Since data last came.
    public var sinceDataReceived: Duration?
    /// Since an acknowledgement last came, which also answers probes.
    public var sinceAcknowledgement: Duration?
    /// The way there and back, smoothed.
    public var roundTrip: Duration?
    /// How long the kernel waits for an acknowledgement before it sends again.
    public var retransmissionTimeout: Duration?

    // MARK: Since the connection was made

    /// Bytes that the peer's kernel has acknowledged.
    public var bytesAcknowledged: Int?
    /// Bytes that have come.
    public var bytesReceived: Int?
    /// How long there was something to send.
    public var busyTime: Duration?
    /// How much of `busyTime` the peer's window held us back.
    public var windowLimitedTime: Duration?
    /// How much of `busyTime` our own send buffer was too small.
    public var bufferLimitedTime: Duration?

    // MARK: What poll(2) says

    /// Whether a write would find room.
    public var isWritable: Bool?
    /// Whether the peer has ended its half.
    public var hasPeerEnded: Bool?
    /// Whether both halves have ended, or the connection has broken.
    public var isHungUp: Bool?

    /// Figures of which nothing is known yet.
    ///
    /// - Parameter takenAt: when, by the continuous clock.
    public init(takenAt: Duration = .zero) {
        self.takenAt = takenAt
    }

    /// Sent and not acknowledged: what is queued without what has not been sent.
    public var unacknowledged: Int? {
        guard let queued, let unsent else { return nil }
        return max(0, queued - unsent)
    }
}
