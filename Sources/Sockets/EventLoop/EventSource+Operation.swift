internal import Synchronization
internal import SystemPackage

/// The limits of an asynchronous operation: what was asked for, and when that is, once it matters.
struct WaitDeadline {
    private let limit: TimeLimit
    /// By the continuous clock; `Int64.max` is never, and those below 1 are not worked out yet.
    private var instant: Int64 = Self.unused

    private static let unused: Int64 = 0
    private static let oneStep: Int64 = -1

    @inline(__always)
    init(_ limit: TimeLimit) { self.limit = limit }

    /// When it is, worked out at the first wait: what is ready needs no look at the clock.
    @inline(__always)
    mutating func begin() -> Int64 {
        if instant < 1 { instant = Self.instant(of: limit) }
        return instant
    }

    /// Begins one of the steps of an operation that may have many: a peer who keeps up never makes
    /// anybody wait, and must not make the operation endless.
    ///
    /// The first step is always made, and looks at no clock.
    @inline(__always)
    mutating func beginStep() throws(EndOfWait) {
        switch instant {
        case Self.unused: instant = Self.oneStep
        case Self.oneStep: _ = begin()
        default: if _slowPath(hasPassed) { throw EndOfWait(cause) }
        }
    }

    @inline(never)
    private static func instant(of limit: TimeLimit) -> Int64 {
        Deadline(limit).moment.map { max(1, $0.nanoseconds) } ?? .max
    }

    /// A part of it: at most so long from now, and not longer than it.
    mutating func slice(milliseconds: Int64) -> WaitDeadline {
        var slice = WaitDeadline(limit)
        slice.instant = min(begin(), System.continuousNanoseconds() + milliseconds * 1_000_000)
        return slice
    }

    /// Whether it has passed; it has not begun before the first wait.
    @inline(__always)
    var hasPassed: Bool {
        instant > 0 && instant != .max && System.continuousNanoseconds() >= instant
    }

    /// The limit as it was given, for the error.
    var cause: SocketError.Cause { .timedOut(limit: limit.duration) }
}

extension EventSource {
    /// Makes a call until it does something: one attempt, and a wait whenever it would block.
    ///
    /// The waits of the blocking `Socket` are in `Socket.perform`; this is its twin.
    /// `attempt` must leave the direction's word ready if it may be so still.
    @inline(__always)
    func perform<Result>(
        _ direction: Direction, _ deadline: inout WaitDeadline,
        attempt: (Int32) throws(Errno) -> Result
    ) async throws(EndOfWait) -> Result {
        await takeTurn()
        while true {
            // Who is cancelled is told so by the wait, although there is something to read.
            if lane(direction, { $0.word.isReady }), direction == .writing || !hasToEnd {
                lane(direction) { $0.word.clear() }
                do throws(Errno) {
                    return try attempt(descriptor)
                } catch {
                    if gate.isClosed { throw EndOfWait(.closed) }
                    switch error {
                    case .interrupted:
                        lane(direction) { $0.word.setReady() }
                        continue
                    case .wouldBlock:
                        break
                    default:
                        // What is broken stays so: nobody shall wait for it.
                        lane(direction) { $0.word.setReady() }
                        throw EndOfWait(.system(error))
                    }
                }
            }
            if gate.isClosed { throw EndOfWait(.closed) }
            if deadline.hasPassed { throw EndOfWait(deadline.cause) }
            guard await wait(direction, until: deadline.begin()) else {
                throw EndOfWait(.cancelled)
            }
        }
    }

    /// Counts one operation, and lets others run when the current job has made too many: what is
    /// ready never waits.
    @inline(__always)
    func takeTurn() async {
        if _fastPath(spend()) { return }
        await Task.yield()
        loop.spendAfterYield()
    }

    /// Whether the task is cancelled, which is looked for only after it had to let others run: a peer
    /// who sends without end must not keep a task from ending. On other threads than the loop's
    /// nothing is counted, and each operation looks.
    ///
    /// Asked for after `takeTurn`, and not told by it: the answer would be kept in the frame of every
    /// task that waits.
    @inline(__always)
    var hasToEnd: Bool { _slowPath(takeYield()) && Task.isCancelled }

    /// Enters the source for one operation in a direction, alone.
    @inline(__always)
    func begin(_ direction: Direction) throws(EndOfWait) {
        guard enter() else { throw EndOfWait(.closed) }
        guard !lane(direction, { $0.isBusy.exchange(true, ordering: .acquiring) }) else {
            leave()
            throw EndOfWait(.busy)
        }
    }

    @inline(__always)
    func end(_ direction: Direction) {
        lane(direction) { $0.isBusy.store(false, ordering: .releasing) }
        leave()
    }
}

/// Why an operation ended without a result.
///
/// One pointer wide: every place that may throw it keeps room for it in the frame of the task.
struct EndOfWait: Error {
    private let reason: Reason

    var cause: SocketError.Cause { reason.cause }

    @inline(never)
    init(_ cause: SocketError.Cause) { reason = Reason(cause) }

    private final class Reason: Sendable {
        let cause: SocketError.Cause
        init(_ cause: SocketError.Cause) { self.cause = cause }
    }
}
