import Sockets

/// When a relay half-closes the connection after the end of input.
enum HalfClose: Equatable, Sendable {
    case never
    case atOnce
    /// Half-close once the peer has sent nothing for this time.
    ///
    /// Some servers stop working on a request at a half-close, so they need time to answer before
    /// it.
    case afterSilence(Duration)
}

/// A schedule that decides when a relay half-closes the connection and when the relay ends.
///
/// The schedule does no I/O. All times are measured from the start of the relay.
struct RelaySchedule {
    enum Step: Equatable {
        /// Wait for an event, but at most for this time; nil means no limit.
        case wait(atMost: Duration?)
        case halfClose
        /// Find out whether the kernel still has bytes to send, and call `didCheckSendQueue`.
        case checkSendQueue
        /// End because both directions have ended, or because `-q` or the peer ends the relay.
        case finish
        /// End because no byte has moved for the limit of `-w`.
        case endIdle
    }

    private let idleTimeout: Duration?
    private let quitAfter: Duration?
    private let halfClose: HalfClose
    /// A Boolean value that indicates whether the relay ends at the peer's EOF even if the input is
    /// still open.
    private let endsWithPeer: Bool

    private var inputEnd: Duration?
    private var mayHalfClose = false
    private(set) var hasPeerEnded = false
    private(set) var hasHalfClosed = false
    /// The time at which the kernel last had bytes to send.
    private var lastUnsent = Duration.zero
    private var isQueueEmpty = false
    /// The earliest time of the next attempt to half-close.
    private var earliestHalfClose = Duration.zero

    /// How often to check whether the kernel still has bytes to send.
    private static let checkInterval = Duration.milliseconds(100)

    init(_ options: RelayOptions, endsWithPeer: Bool) {
        idleTimeout = options.idleTimeout
        quitAfter = options.quitAfter
        halfClose = options.halfClose
        self.endsWithPeer = endsWithPeer
    }

    /// A Boolean value that indicates whether the peer has sent EOF while the input is still open,
    /// so a later write may fail.
    var isOnlySending: Bool { hasPeerEnded && inputEnd == nil }

    /// Records that the whole input was passed to the kernel.
    ///
    /// Input that is empty from the start, as in a cron job, says nothing about the connection, so
    /// it causes a half-close only if `halfClose` is `atOnce`.
    mutating func inputDidEnd(at now: Duration, isEmpty: Bool) {
        inputEnd = now
        mayHalfClose = !isEmpty || halfClose == .atOnce
    }

    /// Records that sending has failed, so that no half-close follows.
    mutating func sendingDidFail(at now: Duration) {
        inputEnd = now
    }

    /// Records that the peer has sent EOF and that all received bytes were written to the output.
    mutating func peerDidEnd() { hasPeerEnded = true }

    /// Records whether the kernel's send queue is empty.
    mutating func didCheckSendQueue(at now: Duration, isEmpty: Bool) {
        isQueueEmpty = isEmpty
        if !isEmpty { lastUnsent = now }
    }

    /// Records an attempt to half-close.
    ///
    /// The attempt is repeated later if the kernel has no room for the close_notify of TLS. The
    /// attempt also fails if the peer is gone. That failure is ignored, because the next receive
    /// reports its cause better.
    mutating func didTryToHalfClose(_ result: Result<Void, SocketError>, at now: Duration) {
        if case .failure(let error) = result, error.errno == .wouldBlock {
            earliestHalfClose = now + Self.checkInterval
        } else {
            hasHalfClosed = true
        }
    }

    /// Returns what to do next.
    ///
    /// - Parameters:
    ///   - now: The current time.
    ///   - activity: The time at which a byte last moved in either direction.
    ///   - receive: The time at which the peer's last bytes were written, or `now` if they are not
    ///     written yet.
    /// - Returns: The next step.
    func next(at now: Duration, lastActivity activity: Duration, lastReceive receive: Duration)
        -> Step
    {
        if hasPeerEnded, endsWithPeer || inputEnd != nil { return .finish }
        var ends: [Duration] = []
        if let inputEnd {
            if let quitAfter {
                if now >= inputEnd + quitAfter { return .finish }
                ends.append(inputEnd + quitAfter)
            }
            if mayHalfClose, !hasHalfClosed, !hasPeerEnded {
                switch halfClose {
                case .never: break
                case _ where now < earliestHalfClose: ends.append(earliestHalfClose)
                case .atOnce: return .halfClose
                case .afterSilence(let time):
                    let due = max(inputEnd, receive, lastUnsent) + time
                    if now >= due { return isQueueEmpty ? .halfClose : .checkSendQueue }
                    let isDraining = lastUnsent > .zero && !isQueueEmpty
                    if isDraining, now >= lastUnsent + Self.checkInterval { return .checkSendQueue }
                    ends.append(isDraining ? lastUnsent + Self.checkInterval : due)
                }
            }
        }
        if let idleTimeout {
            if now >= activity + idleTimeout { return .endIdle }
            ends.append(activity + idleTimeout)
        }
        return .wait(atMost: ends.min().map { $0 - now })
    }
}
