@testable import Sockets

/// Statistics that Linux reported in real situations: connections over loopback, whose segments are as
/// large as their windows.
enum MeasuredStatistics {
    /// Returns the statistics of an open connection without bytes in flight, whose last transfer
    /// was `time` ago.
    static func quiet(for time: Duration = .seconds(2)) -> ConnectionStatistics {
        var statistics = ConnectionStatistics(takenAt: .seconds(100))
        statistics.state = .established
        (statistics.sendQueue, statistics.notSent, statistics.receiveQueue) = (0, 0, 0)
        (statistics.sendBufferSize, statistics.receiveBufferSize) = (4_194_304, 131_072)
        (statistics.sendWindow, statistics.receiveWindow) = (65_536, 65_536)
        (statistics.sendSegmentSize, statistics.receiveSegmentSize) = (32_768, 536)
        (statistics.unacknowledgedSegments, statistics.retransmissions) = (0, 0)
        (statistics.probes, statistics.backoff, statistics.totalRetransmissions) = (0, 0, 0)
        (statistics.timeSinceLastSend, statistics.timeSinceLastReceive) = (time, time)
        statistics.timeSinceLastAcknowledgement = time
        (statistics.roundTripTime, statistics.retransmissionTimeout) = (
            .microseconds(29), .milliseconds(204)
        )
        (statistics.bytesAcknowledged, statistics.bytesReceived) = (1, 0)
        (
            statistics.busyTime, statistics.receiveWindowLimitedTime,
            statistics.sendBufferLimitedTime
        ) = (
            .zero, .zero, .zero
        )
        (statistics.isWritable, statistics.hasPeerHalfClosed, statistics.isHungUp) = (
            true, false, false
        )
        return statistics
    }

    /// Returns the statistics after the peer has not read for `time`: its window is closed, and its
    /// kernel answers the probes.
    static func peerFull(for time: Duration = .seconds(3)) -> ConnectionStatistics {
        var statistics = quiet(for: time)
        (statistics.sendQueue, statistics.notSent) = (2_755_072, 2_755_072)
        statistics.sendWindow = 0
        statistics.sendSegmentSize = 47_616
        statistics.backoff = 3
        statistics.timeSinceLastAcknowledgement = min(time, .milliseconds(312))
        statistics.bytesAcknowledged = 128_513
        (statistics.busyTime, statistics.receiveWindowLimitedTime) = (time, time)
        statistics.isWritable = false
        return statistics
    }

    /// Returns the statistics of `peerFull(for:)` for an end that has not read either.
    static func bothFull(for time: Duration = .seconds(3)) -> ConnectionStatistics {
        var statistics = peerFull(for: time)
        statistics.receiveQueue = 113_152
        statistics.receiveWindow = 15_360
        statistics.receiveSegmentSize = 47_616
        statistics.bytesReceived = 113_152
        return statistics
    }

    /// Returns the statistics of a transfer that was cut, after `times` retransmissions without an
    /// answer.
    static func cut(_ times: Int) -> ConnectionStatistics {
        var statistics = quiet(for: .seconds(3))
        (statistics.sendQueue, statistics.notSent) = (4_190_965, 3_208_667)
        statistics.sendWindow = 2_016_256
        (statistics.unacknowledgedSegments, statistics.retransmissions, statistics.backoff) = (
            16, times, times
        )
        statistics.timeSinceLastSend = .milliseconds(348)
        statistics.timeSinceLastAcknowledgement = .seconds(1)
        statistics.isWritable = false
        return statistics
    }

    /// Returns the statistics of the sender in a transfer at full speed.
    static func flowing() -> ConnectionStatistics {
        var statistics = quiet(for: .zero)
        (statistics.sendQueue, statistics.notSent, statistics.unacknowledgedSegments) = (
            4_190_965, 3_208_667, 16
        )
        statistics.sendWindow = 2_016_256
        statistics.bytesAcknowledged = 1_489_240_065
        statistics.isWritable = false
        return statistics
    }

    /// Returns the statistics of a Unix stream socket, whose send queue counts more than the bytes.
    static func unix(queued: Int = 0, unread: Int = 0, writable: Bool = true)
        -> ConnectionStatistics
    {
        var statistics = ConnectionStatistics(takenAt: .seconds(100))
        (statistics.sendQueue, statistics.receiveQueue) = (queued, unread)
        (statistics.sendBufferSize, statistics.receiveBufferSize) = (212_992, 212_992)
        (statistics.isWritable, statistics.hasPeerHalfClosed, statistics.isHungUp) = (
            writable, false, false
        )
        return statistics
    }
}

extension ConnectionStatistics {
    /// Returns a copy with some values changed.
    func with(_ change: (inout ConnectionStatistics) -> Void) -> ConnectionStatistics {
        var statistics = self
        change(&statistics)
        return statistics
    }

    /// Returns the same connection at an earlier time, before these bytes were transferred.
    func before(
        _ time: Duration, acknowledged: Int = 0, received: Int = 0, windowLimited: Duration = .zero
    ) -> ConnectionStatistics {
        with {
            $0.takenAt -= time
            $0.bytesAcknowledged = bytesAcknowledged.map { $0 - acknowledged }
            $0.bytesReceived = bytesReceived.map { $0 - received }
            $0.receiveWindowLimitedTime = receiveWindowLimitedTime.map { $0 - windowLimited }
        }
    }
}
