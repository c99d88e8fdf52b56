import Foundation
import Synchronization
import Testing

/// Runs blocking code of a test on a separate thread, so that it does not block the shared pool,
/// which runs the tests.
///
/// `value()` waits for at most 30 seconds, so a test that would hang fails instead.
final class Background<Value: Sendable>: Sendable {
    struct TimedOut: Error {}

    private let outcome = Mutex<Result<Value, any Error>?>(nil)
    private let finished = DispatchSemaphore(value: 0)

    init(_ body: @escaping @Sendable () throws -> Value) {
        let thread = Thread { [self] in
            let result = Result { try body() }
            outcome.withLock { $0 = result }
            finished.signal()
        }
        thread.stackSize = 1 << 20
        thread.start()
    }

    func value(hangingAfter seconds: Int = 30) throws -> Value {
        guard finished.wait(timeout: .now() + .seconds(seconds)) == .success else {
            throw TimedOut()
        }
        finished.signal()
        return try #require(outcome.withLock { $0 }).get()
    }
}
