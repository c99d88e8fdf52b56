public import Testing

/// Runs each test of a suite on its own thread, for tests whose calls block or measure time.
///
/// A blocking call must not occupy the shared pool, which has one thread for each core and runs all
/// other tests. At most six of these tests run at once, so that none of them waits long for a core.
/// A `.timeLimit` includes the time for which a test waits until it may run, so it must not be short.
public struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    /// Whether no other test with this trait may run at the same time.
    let isExclusive: Bool

    /// A Boolean value that indicates that a suite passes the trait on to its tests.
    public var isRecursive: Bool { true }

    /// Runs a test on a thread that exists only for that test.
    @concurrent public func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        // The test's own trait replaces that of its suite, because the two would wait for each other.
        if !isExclusive, test.traits.contains(where: { ($0 as? OwnThread)?.isExclusive == true }) {
            return try await function()
        }
        let slots = isExclusive ? TestSlots.count : 1
        await TestSlots.shared.acquire(slots)
        let executor = ThreadExecutor()
        let outcome: Result<Void, any Error>
        do {
            try await withTaskExecutorPreference(executor) { try await function() }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        executor.stop()
        await TestSlots.shared.release(slots)
        try outcome.get()
    }
}

extension Trait where Self == OwnThread {
    /// Runs each test on its own thread, at most six tests at once.
    public static var ownThread: OwnThread { OwnThread(isExclusive: false) }

    /// Runs each test on its own thread while no other test with such a thread runs.
    ///
    /// Use it for tests that need a core for each of their threads, or that measure time.
    public static var exclusiveThread: OwnThread { OwnThread(isExclusive: true) }
}
