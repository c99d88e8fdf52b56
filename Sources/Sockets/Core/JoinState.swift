internal import SystemPackage

/// The state of a join, which decides what to do when one of the two directions ends.
///
/// This type moves no bytes. The blocking and the async `join` report how each direction ends, and
/// perform the returned actions.
struct JoinState {
    /// One of the two connections: the one that `join` was called on, or its argument.
    enum Side {
        case this, other
    }

    enum Direction {
        case forward, back

        /// The connection from which the bytes come.
        var origin: Side { self == .forward ? .this : .other }
        /// The connection to which the bytes go.
        var destination: Side { self == .forward ? .other : .this }
    }

    /// How a direction ended.
    enum End {
        /// The origin has ended the stream, and the destination has accepted all bytes.
        case ended
        /// The origin broke.
        case readFailed(SocketError)
        /// The destination accepts no more bytes.
        ///
        /// The opposite direction goes on unless it has ended, because bytes that the destination
        /// sent earlier may still be readable.
        case writeFailed(SocketError)
        /// The origin broke after its direction had ended.
        case broke(SocketError)
        /// The join was cancelled or timed out, or a connection was closed on this side.
        case stopped(SocketError)
    }

    enum Action: Equatable {
        /// Half-close the connection.
        case halfClose(Side)
        /// Watch whether the connection breaks, because no direction reads from it any more.
        case watch(Side)
        /// Reset the connection.
        case reset(Side)
        /// Reset the connection if its peer has received all bytes.
        ///
        /// This side has already ended the stream to the peer, so a reset must not destroy the last
        /// bytes of the stream.
        case resetIfDelivered(Side)
    }

    /// The error that the join throws.
    private(set) var failure: SocketError?
    /// A Boolean value that indicates whether both directions have ended or must end.
    private(set) var isOver = false
    private var isForwardRunning = true
    private var isBackRunning = true

    /// Returns whether a direction still moves bytes.
    func isRunning(_ direction: Direction) -> Bool {
        direction == .forward ? isForwardRunning : isBackRunning
    }

    /// Records how a direction ended, and returns the actions to perform, in order.
    ///
    /// A call after the end of the join has no effect.
    mutating func note(_ end: End, of direction: Direction) -> [Action] {
        guard !isOver else { return [] }
        switch end {
        case .ended:
            return [.halfClose(direction.destination)] + stop(direction)
        case .writeFailed(let error):
            let isFirst = failure == nil
            failure = failure ?? error
            let actions = stop(direction)
            // If the destination's own stream ended earlier, no direction reads from the
            // destination any more. So this error is the only report that the destination broke.
            return isOver && isFirst ? [.resetIfDelivered(direction.origin)] : actions
        case .readFailed(let error):
            // The error of a read says more than the error of an earlier write to the same
            // connection.
            failure = error
            isOver = true
            switch error.cause {
            case .system, .tls: return [.reset(direction.destination)]
            default: return []
            }
        case .broke(let error):
            failure = failure ?? error
            isOver = true
            return [.resetIfDelivered(direction.destination)]
        case .stopped(let error):
            failure = failure ?? error
            isOver = true
            return []
        }
    }

    /// Performs an action, except watching.
    mutating func perform(
        _ action: Action, _ this: some DescriptorOwner, _ other: some DescriptorOwner
    ) {
        switch action {
        case .halfClose(.this): halfClose(this)
        case .halfClose(.other): halfClose(other)
        case .reset(.this): reset(this)
        case .reset(.other): reset(other)
        case .resetIfDelivered(.this): if this.hasDelivered { reset(this) }
        case .resetIfDelivered(.other): if other.hasDelivered { reset(other) }
        case .watch: break
        }
    }

    private mutating func halfClose(_ connection: some DescriptorOwner) {
        do throws(SocketError) { try connection.end(.write) } catch { failure = failure ?? error }
    }

    private func reset(_ connection: some DescriptorOwner) {
        if let failure { connection.reset(because: failure) }
    }

    /// Ends a direction, and watches its origin while the opposite direction goes on.
    private mutating func stop(_ direction: Direction) -> [Action] {
        switch direction {
        case .forward: isForwardRunning = false
        case .back: isBackRunning = false
        }
        isOver = !isForwardRunning && !isBackRunning
        return isOver ? [] : [.watch(direction.origin)]
    }
}

extension DescriptorOwner {
    /// Resets the connection without closing it, because another connection failed with `error`.
    ///
    /// Other calls on the connection throw ``SocketError/Cause/system(_:)`` with
    /// `.connectionAbort`. The function has no effect on a Unix socket, which has no reset.
    func reset(because error: SocketError) {
        guard family != .unix else { return }
        try? call(.shutdown, nil) { descriptor throws(Errno) in
            // Note the error before the reset, because the reset wakes calls that look for the
            // error.
            connectionError?.noteReset(because: error)
            _ = LingerState.reset(descriptor)
        }
    }

    /// A Boolean value that indicates whether the peer's system has acknowledged all sent bytes of
    /// a half-closed connection.
    fileprivate var hasDelivered: Bool {
        let queue = try? call(.diagnose, nil) { System.queueLength($0, .sendQueue) }
        // Accept a queue of one byte, because the FIN counts as a byte and an idle peer
        // acknowledges it late.
        return queue.map { $0 <= 1 } ?? false
    }
}
