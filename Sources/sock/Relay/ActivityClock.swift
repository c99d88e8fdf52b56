import Sockets
import Synchronization

/// When a byte last moved, in whichever direction: written by several threads, read by the one that
/// watches for silence.
final class ActivityClock: Sendable {
    private let last: Atomic<Int64>

    init() { last = Atomic(Self.now) }

    /// A byte has moved.
    func touch() {
        last.store(Self.now, ordering: .relaxed)
    }

    /// How long nothing has moved.
    var silence: Duration {
        .nanoseconds(Self.now - last.load(ordering: .relaxed))
    }

    private static let start = ContinuousClock.now

    private static var now: Int64 {
        let (seconds, attoseconds) = start.duration(to: .now).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}

/// What came of waiting for something to arrive.
enum Reception<Value> {
    case value(Value)
    /// The socket was closed here, by another thread.
    case closed
    /// Nothing moved in either direction for as long as was allowed.
    case silence
}

extension ActivityClock {
    /// Calls `receive` until something arrives, the socket is closed, or all has been silent for as
    /// long as is allowed; nil is for ever.
    ///
    /// The limit that `receive` is given is the same each time at first, which costs nothing; only
    /// when it has passed is it worked out whether the other direction has moved meanwhile.
    func wait<Value>(
        allowing allowed: Duration?, _ receive: (TimeLimit) throws(SocketError) -> Value
    ) throws(SocketError) -> Reception<Value> {
        var patience = allowed
        while true {
            do throws(SocketError) {
                let value = try receive(patience.map { TimeLimit($0) } ?? .never)
                touch()
                return .value(value)
            } catch {
                switch error.cause {
                case .closed: return .closed
                case .timedOut: patience = allowed.map { $0 - silence }
                default: throw error
                }
            }
            if let patience, patience <= .zero { return .silence }
        }
    }
}
