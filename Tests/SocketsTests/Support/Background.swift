import Foundation
import Synchronization
import Testing

/// Runs a blocking piece of a test on a thread of its own, because a blocking call must not stand
/// on the shared pool that runs the tests.
///
/// `value()` waits until the piece ends, so a test that would hang fails after 30 s instead.
final class Background<Value: Sendable>: Sendable {
    struct TookTooLong: Error {}

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
            throw TookTooLong()
        }
        finished.signal()
        return try #require(outcome.withLock { $0 }).get()
    }
}
