import Sockets
import Synchronization

/// The time at which a byte was last transferred in either direction.
///
/// Several threads or tasks update the time, and one of them reads it to find out how long the
/// connection has been idle.
final class ActivityClock: Sendable {
    private let last: Atomic<Int64>

    init() { last = Atomic(System.continuousNanoseconds()) }

    /// Records that a byte was transferred just now.
    func touch() {
        last.store(System.continuousNanoseconds(), ordering: .relaxed)
    }

    /// The time since a byte was last transferred.
    var idleTime: Duration {
        .nanoseconds(System.continuousNanoseconds() - last.load(ordering: .relaxed))
    }
}

/// The result of waiting to receive.
enum ReceiveResult<Value> {
    case value(Value)
    /// Another thread or task of the program closed the socket.
    case closed
    /// No byte was transferred in either direction during the idle timeout.
    case idle
}

/// A timeout for one direction, which activity in the other direction extends.
///
/// The first wait uses the full limit, so it does not need to read the clock. If that wait expires,
/// the next wait ends one timeout after the last activity in either direction.
struct IdleTimeout {
    private let timeout: Duration?
    private var remaining: Duration?

    /// Creates a timeout that never expires if `timeout` is nil.
    init(_ timeout: Duration?) {
        self.timeout = timeout
        remaining = timeout
    }

    /// The limit of the next wait.
    var limit: TimeLimit { remaining.map { TimeLimit($0) } ?? .never }

    /// Sets the limit of the next wait after a wait that has received nothing.
    ///
    /// - Returns: Whether to wait again; false if the connection was idle for the whole timeout.
    mutating func waitsAgain(afterIdle idleTime: Duration) -> Bool {
        remaining = timeout.map { $0 - idleTime }
        return remaining.map { $0 > .zero } ?? true
    }
}

extension ActivityClock {
    /// Blocks in `receive` until it returns a value, the socket is closed, or the connection was
    /// idle for `timeout`.
    ///
    /// If `timeout` is nil, the wait has no limit.
    func wait<Value>(
        timeout: Duration?, _ receive: (TimeLimit) throws(SocketError) -> Value
    ) throws(SocketError) -> ReceiveResult<Value> {
        var timeout = IdleTimeout(timeout)
        while true {
            do throws(SocketError) {
                let value = try receive(timeout.limit)
                touch()
                return .value(value)
            } catch {
                if let end: ReceiveResult<Value> = try end(after: error, &timeout) { return end }
            }
        }
    }

    /// Does the same as `wait`, but suspends the task instead of blocking the thread.
    func suspend<Value>(
        timeout: Duration?, _ receive: (TimeLimit) async throws(SocketError) -> Value
    ) async throws(SocketError) -> ReceiveResult<Value> {
        var timeout = IdleTimeout(timeout)
        while true {
            do throws(SocketError) {
                let value = try await receive(timeout.limit)
                touch()
                return .value(value)
            } catch {
                if let end: ReceiveResult<Value> = try end(after: error, &timeout) { return end }
            }
        }
    }

    /// Returns the result if the error ends the wait, or nil to wait again.
    private func end<Value>(
        after error: SocketError, _ timeout: inout IdleTimeout
    ) throws(SocketError) -> ReceiveResult<Value>? {
        switch error.cause {
        case .closed: return .closed
        case .timedOut: return timeout.waitsAgain(afterIdle: idleTime) ? nil : .idle
        default: throw error
        }
    }
}
