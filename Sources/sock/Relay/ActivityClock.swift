import Sockets
import Synchronization

/// The time at which a byte last moved in either direction.
///
/// Several threads or tasks write it, and one reads it to find out how long a connection is idle.
final class ActivityClock: Sendable {
    private let last: Atomic<Int64>

    init() { last = Atomic(System.continuousNanoseconds()) }

    /// Records that a byte has moved now.
    func touch() {
        last.store(System.continuousNanoseconds(), ordering: .relaxed)
    }

    /// The time since a byte last moved.
    var idleTime: Duration {
        .nanoseconds(System.continuousNanoseconds() - last.load(ordering: .relaxed))
    }
}

/// The result of waiting to receive.
enum ReceiveResult<Value> {
    case value(Value)
    /// Another thread or task of the program closed the socket.
    case closed
    /// Nothing moved in either direction for the idle timeout.
    case idle
}

/// Decides how long to wait in one direction if activity in the other extends the wait.
///
/// The first wait uses the full limit, so that it reads no clock. When it expires, the wait is
/// extended by the other direction's last activity.
struct IdleTimeout {
    private let timeout: Duration?
    private var remaining: Duration?

    /// Creates a timeout; nil never expires.
    init(_ timeout: Duration?) {
        self.timeout = timeout
        remaining = timeout
    }

    /// The limit of the next wait.
    var limit: TimeLimit { remaining.map { TimeLimit($0) } ?? .never }

    /// Sets the limit of the next wait after one that has received nothing.
    ///
    /// - Returns: Whether to wait again; false if the connection was idle for the whole timeout.
    mutating func waitsAgain(afterIdle idleTime: Duration) -> Bool {
        remaining = timeout.map { $0 - idleTime }
        return remaining.map { $0 > .zero } ?? true
    }
}

extension ActivityClock {
    /// Blocks in `receive` until it returns a value, the socket is closed, or the connection was idle
    /// for `timeout`; nil is no timeout.
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

    /// Does the same, but suspends the task instead of blocking the thread.
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

    /// Returns the result if the error ends the wait; nil to wait again.
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
