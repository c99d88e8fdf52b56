extension ConnectionStatistics {
    /// How long the peer has not answered, counted from the first transmission of the oldest
    /// unanswered segment or probe.
    ///
    /// The value is nil if nothing is unanswered, or if the time is unknown. It is not the time
    /// since the last acknowledgement, because the connection may have been idle before the segment
    /// was sent.
    package var timeUnanswered: Duration? {
        let times = retransmissions ?? 0
        if times > 0 || state == .synSent {
            guard let timeout = retransmissionTimeout else { return nil }
            // The current timeout has not expired, so only its elapsed part counts.
            let waited =
                timeToRetransmission.map { max(.zero, timeout - $0) } ?? timeSinceLastSend ?? .zero
            let total = expiredTimeouts(times, last: timeout) + min(waited, timeout)
            return timeSinceLastAcknowledgement.map { min($0, total) } ?? total
        }
        // A window probe follows an answer to the previous probe, so the peer has been silent since
        // that answer. For a keep-alive probe on an idle connection, the time is unknown.
        return (probes ?? 0) > 0 && (sendQueue ?? 0) > 0 ? timeSinceLastAcknowledgement : nil
    }

    /// Returns the sum of the timeouts that have expired since the first transmission.
    ///
    /// The kernel doubles the timeout after each retransmission up to a limit. It does not double
    /// the first timeouts of a new connection (`tcp_syn_linear_timeouts`).
    private func expiredTimeouts(_ times: Int, last: Duration) -> Duration {
        let doubled = min(backoff ?? 0, times)
        let isLimited = last >= Self.longestTimeout
        let shortest = state == .synSent ? Self.firstTimeout : Self.shortestTimeout
        var timeout = last / (1 << min(doubled, 30))
        if isLimited { timeout = max(timeout, shortest) }
        var sum = timeout * (times - doubled)
        for _ in 0..<doubled {
            sum += timeout
            timeout = min(timeout * 2, max(last, Self.longestTimeout))
        }
        return sum
    }

    /// The timeout of the first segment of a connection: `TCP_TIMEOUT_INIT`.
    private static let firstTimeout = Duration.seconds(1)
    /// The shortest timeout of later segments: `TCP_RTO_MIN`.
    private static let shortestTimeout = Duration.milliseconds(200)
    /// The longest timeout, which is not doubled again: `TCP_RTO_MAX`.
    private static let longestTimeout = Duration.seconds(120)
}
