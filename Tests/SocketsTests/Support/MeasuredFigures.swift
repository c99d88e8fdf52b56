@testable import Sockets

/// Figures as Linux gave them in situations that were made for real: connections over loopback, whose
/// segments are as large as their windows.
enum MeasuredFigures {
    /// Both directions open, nothing under way, the last byte so long ago.
    static func quiet(for time: Duration = .seconds(2)) -> ConnectionStatistics {
        var figures = ConnectionStatistics(takenAt: .seconds(100))
        figures.state = .established
        (figures.queued, figures.unsent, figures.unread) = (0, 0, 0)
        (figures.sendBuffer, figures.receiveBuffer) = (4_194_304, 131_072)
        (figures.peerWindow, figures.ownWindow) = (65_536, 65_536)
        (figures.segmentSize, figures.peerSegmentSize) = (32_768, 536)
        (figures.segmentsInFlight, figures.retransmissions) = (0, 0)
        (figures.probes, figures.backoff, figures.totalRetransmissions) = (0, 0, 0)
        (figures.sinceDataSent, figures.sinceDataReceived) = (time, time)
        figures.sinceAcknowledgement = time
        (figures.roundTrip, figures.retransmissionTimeout) = (
            .microseconds(29), .milliseconds(204)
        )
        (figures.bytesAcknowledged, figures.bytesReceived) = (1, 0)
        (figures.busyTime, figures.windowLimitedTime, figures.bufferLimitedTime) = (
            .zero, .zero, .zero
        )
        (figures.isWritable, figures.hasPeerEnded, figures.isHungUp) = (true, false, false)
        return figures
    }

    /// The peer has not read for so long: its window is closed, and its kernel answers the probes.
    static func peerFull(for time: Duration = .seconds(3)) -> ConnectionStatistics {
        var figures = quiet(for: time)
        (figures.queued, figures.unsent) = (2_755_072, 2_755_072)
        figures.peerWindow = 0
        figures.segmentSize = 47_616
        figures.backoff = 3
        figures.sinceAcknowledgement = min(time, .milliseconds(312))
        figures.bytesAcknowledged = 128_513
        (figures.busyTime, figures.windowLimitedTime) = (time, time)
        figures.isWritable = false
        return figures
    }

    /// The same, and we have not read what the peer sent either.
    static func bothFull(for time: Duration = .seconds(3)) -> ConnectionStatistics {
        var figures = peerFull(for: time)
        figures.unread = 113_152
        figures.ownWindow = 15_360
        figures.peerSegmentSize = 47_616
        figures.bytesReceived = 113_152
        return figures
    }

    /// A transfer that was cut off: its segments were sent again so often, in vain.
    static func cut(_ times: Int) -> ConnectionStatistics {
        var figures = quiet(for: .seconds(3))
        (figures.queued, figures.unsent) = (4_190_965, 3_208_667)
        figures.peerWindow = 2_016_256
        (figures.segmentsInFlight, figures.retransmissions, figures.backoff) = (16, times, times)
        figures.sinceDataSent = .milliseconds(348)
        figures.sinceAcknowledgement = .seconds(1)
        figures.isWritable = false
        return figures
    }

    /// A transfer at full speed, from the sender's side.
    static func flowing() -> ConnectionStatistics {
        var figures = quiet(for: .zero)
        (figures.queued, figures.unsent, figures.segmentsInFlight) = (4_190_965, 3_208_667, 16)
        figures.peerWindow = 2_016_256
        figures.bytesAcknowledged = 1_489_240_065
        figures.isWritable = false
        return figures
    }

    /// A Unix stream socket; `queued` counts more than the bytes.
    static func unix(queued: Int = 0, unread: Int = 0, writable: Bool = true)
        -> ConnectionStatistics
    {
        var figures = ConnectionStatistics(takenAt: .seconds(100))
        (figures.queued, figures.unread) = (queued, unread)
        (figures.sendBuffer, figures.receiveBuffer) = (212_992, 212_992)
        (figures.isWritable, figures.hasPeerEnded, figures.isHungUp) = (writable, false, false)
        return figures
    }
}

extension ConnectionStatistics {
    /// The same with some of them changed.
    func with(_ change: (inout ConnectionStatistics) -> Void) -> ConnectionStatistics {
        var figures = self
        change(&figures)
        return figures
    }

    /// The same connection so long before, before these bytes moved.
    func before(
        _ time: Duration, acknowledged: Int = 0, received: Int = 0, windowLimited: Duration = .zero
    ) -> ConnectionStatistics {
        with {
            $0.takenAt -= time
            $0.bytesAcknowledged = bytesAcknowledged.map { $0 - acknowledged }
            $0.bytesReceived = bytesReceived.map { $0 - received }
            $0.windowLimitedTime = windowLimitedTime.map { $0 - windowLimited }
        }
    }
}
