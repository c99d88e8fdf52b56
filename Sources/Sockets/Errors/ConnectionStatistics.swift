/// The kernel's statistics about one connection at one moment: queues, windows and times.
///
/// The names are those of `ss` and of `TCP_INFO`, written out. A value that the kernel does not
/// report is nil and never zero. Older kernels report fewer fields of `tcp_info`, and every kernel
/// reports little about Unix sockets.
///
/// ```swift
/// let report = try socket.diagnose()
/// if let unsent = report.statistics.notSent, let window = report.statistics.sendWindow {
///     print("\(unsent) bytes wait for a window of \(window) bytes")
/// }
/// ```
public struct ConnectionStatistics: Hashable, Sendable {
    /// The state of a TCP connection: RFC 9293, section 3.3.2.
    public enum State: UInt8, Hashable, Sendable, CaseIterable {
        /// Both directions are open.
        case established = 1
        /// This end is connecting, but the peer has not answered.
        case synSent
        /// The peer is connecting but has not confirmed the connection.
        case synReceived
        /// This end has half-closed, but the peer has not acknowledged the half-close.
        case finWait1
        /// This end has half-closed, but the peer has not.
        case finWait2
        /// Both ends have closed, and the kernel waits for late segments.
        case timeWait
        /// There is no connection, because it was never established, was reset, or was given up.
        case closed
        /// The peer has half-closed, but this end has not.
        case closeWait
        /// Both ends have closed, but the peer has not acknowledged this end's close.
        case lastAck
        /// The socket listens for connections.
        case listen
        /// Both ends have closed at the same time.
        case closing
    }

    /// The time of the sample by the continuous clock, so only differences between samples are
    /// meaningful.
    public var takenAt: Duration

    /// The state of a TCP connection; nil for other sockets.
    public var state: State?

    // MARK: Queues, in bytes

    /// The bytes that the kernel has received but the program has not read: `Recv-Q`.
    public var receiveQueue: Int?
    /// The bytes that the program has written but the peer's kernel has not acknowledged: `Send-Q`.
    ///
    /// On a Unix socket, the number includes the kernel's overhead for the bytes that the peer has
    /// not read.
    public var sendQueue: Int?
    /// The part of `sendQueue` that the kernel has not sent yet: `notsent`.
    public var notSent: Int?
    /// How long the lengths of both queues have not changed; nil after one sample.
    ///
    /// The time begins at the last sample in which a length differed from the sample before it. If
    /// no length has changed, the time begins at the first sample.
    public var timeSinceQueuesChanged: Duration?
    /// The limit of the send buffer, which includes the kernel's overhead: `SO_SNDBUF`.
    public var sendBufferSize: Int?
    /// The limit of the receive buffer, which includes the kernel's overhead: `SO_RCVBUF`.
    public var receiveBufferSize: Int?

    // MARK: Windows, in bytes

    /// How many bytes the peer accepts beyond the last byte that it acknowledged: `snd_wnd`.
    public var sendWindow: Int?
    /// How many more bytes this end accepts: `rcv_wnd`.
    public var receiveWindow: Int?
    /// The largest segment that this end sends: `mss`.
    public var sendSegmentSize: Int?
    /// The largest segment that this end has received: `rcvmss`.
    public var receiveSegmentSize: Int?

    // MARK: Segments in flight

    /// How many segments have been sent but not acknowledged: `unacked`.
    public var unacknowledgedSegments: Int?
    /// How many times in a row the oldest unacknowledged segment was retransmitted after a timeout.
    public var retransmissions: Int?
    /// How many probes in a row the peer has not answered.
    ///
    /// The kernel sends probes while the peer's window is closed, and on an idle connection with
    /// keep-alive.
    public var probes: Int?
    /// How often the interval to the next retransmission or probe has been doubled.
    public var backoff: Int?
    /// How many segments have been retransmitted since the connection was established:
    /// `total_retrans`.
    public var totalRetransmissions: Int?

    // MARK: Times

    /// The time since this end last sent data, including retransmissions: `lastsnd`.
    ///
    /// While no data was transferred, this time, `timeSinceLastReceive` and
    /// `timeSinceLastAcknowledgement` count from the moment when the connection was established.
    /// They are nil before that moment.
    public var timeSinceLastSend: Duration?
    /// The time since this end last received data: `lastrcv`.
    public var timeSinceLastReceive: Duration?
    /// The time since this end last received an acknowledgement, including one that answers a
    /// probe: `lastack`.
    public var timeSinceLastAcknowledgement: Duration?
    /// The smoothed round-trip time: `rtt`.
    public var roundTripTime: Duration?
    /// How long the kernel waits for an acknowledgement before it retransmits a segment: `rto`.
    public var retransmissionTimeout: Duration?
    /// The time until the kernel retransmits the oldest segment, which only netlink reports.
    package var timeToRetransmission: Duration?

    // MARK: Since the connection was made

    /// How many bytes the peer's kernel has acknowledged: `bytes_acked`.
    public var bytesAcknowledged: Int?
    /// How many bytes this end has received: `bytes_received`.
    public var bytesReceived: Int?
    /// How long the connection had data to send: `busy`.
    public var busyTime: Duration?
    /// The part of `busyTime` in which the peer's window limited the sending: `rwnd_limited`.
    public var receiveWindowLimitedTime: Duration?
    /// The part of `busyTime` in which the send buffer of this end limited the sending:
    /// `sndbuf_limited`.
    public var sendBufferLimitedTime: Duration?

    // MARK: Readiness, as poll(2) reports it

    /// A Boolean value that indicates whether the send buffer has space for a write: `POLLOUT`.
    public var isWritable: Bool?
    /// A Boolean value that indicates whether the peer has half-closed: `POLLRDHUP`.
    public var hasPeerHalfClosed: Bool?
    /// A Boolean value that indicates whether both directions are closed, or the connection has
    /// failed: `POLLHUP` or `POLLERR`.
    public var isHungUp: Bool?

    // MARK: Addresses

    /// A Boolean value that indicates whether the addresses show that the peer is on this machine.
    package var isPeerLocal: Bool?

    /// Creates statistics in which every value but the time is nil.
    ///
    /// - Parameter takenAt: The time of the sample by the continuous clock.
    public init(takenAt: Duration = .zero) { self.takenAt = takenAt }

    /// The bytes that have been sent but not acknowledged: `sendQueue` minus `notSent`.
    ///
    /// The value is nil if `sendQueue` or `notSent` is unknown.
    public var unacknowledgedBytes: Int? {
        guard let sendQueue, let notSent else { return nil }
        return max(0, sendQueue - notSent)
    }
}
