import Sockets
import Synchronization

/// When a byte last moved, in whichever direction: written by several threads or tasks, read by the
/// one that watches for silence.
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
    /// The socket was closed here, by somebody else.
    case closed
    /// Nothing moved in either direction for as long as was allowed.
    case silence
}

/// Decides how long to wait for one direction, when what moves in the other puts the end off.
///
/// The limit is the same each time at first, which costs nothing; only when it has passed is it
/// worked out whether the other direction has moved meanwhile.
struct Patience {
    private let allowed: Duration?
    private var left: Duration?

    /// Allows so much silence; nil is for ever.
    init(_ allowed: Duration?) {
        self.allowed = allowed
        left = allowed
    }

    /// How long to wait this time.
    var limit: TimeLimit { left.map { TimeLimit($0) } ?? .never }

    /// Takes in that a wait has brought nothing; false when the silence has been long enough.
    mutating func goesOn(after silence: Duration) -> Bool {
        left = allowed.map { $0 - silence }
        return left.map { $0 > .zero } ?? true
    }
}

extension ActivityClock {
    /// Calls `receive` until something arrives, the socket is closed, or all has been silent for as
    /// long as is allowed; nil is for ever.
    func wait<Value>(
        allowing allowed: Duration?, _ receive: (TimeLimit) throws(SocketError) -> Value
    ) throws(SocketError) -> Reception<Value> {
        var patience = Patience(allowed)
        while true {
            do throws(SocketError) {
                let value = try receive(patience.limit)
                touch()
                return .value(value)
            } catch {
                if let end: Reception<Value> = try end(after: error, &patience) { return end }
            }
        }
    }

    /// The same for tasks: suspends where `wait` blocks.
    func suspend<Value>(
        allowing allowed: Duration?, _ receive: (TimeLimit) async throws(SocketError) -> Value
    ) async throws(SocketError) -> Reception<Value> {
        var patience = Patience(allowed)
        while true {
            do throws(SocketError) {
                let value = try await receive(patience.limit)
                touch()
                return .value(value)
            } catch {
                if let end: Reception<Value> = try end(after: error, &patience) { return end }
            }
        }
    }

    /// Whether an error ends the wait; nil if it goes on.
    private func end<Value>(
        after error: SocketError, _ patience: inout Patience
    ) throws(SocketError) -> Reception<Value>? {
        switch error.cause {
        case .closed: return .closed
        case .timedOut: return patience.goesOn(after: silence) ? nil : .silence
        default: throw error
        }
    }
}
