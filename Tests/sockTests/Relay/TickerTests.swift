import Testing

@testable import sock

@Suite(.ownThread)
struct TickerTests {
    @Test("a Ticker wakes each task after its duration, in the order of the durations")
    func order() async throws {
        let ticker = try Ticker()
        let (late, lateContinuation) = AsyncStream.makeStream(of: Void.self)
        let (early, earlyContinuation) = AsyncStream.makeStream(of: Void.self)
        let start = ContinuousClock.now
        ticker.wake(lateContinuation, after: .milliseconds(200))
        ticker.wake(earlyContinuation, after: .milliseconds(20))
        for await _ in early { break }
        let first = start.duration(to: .now)
        for await _ in late { break }
        let second = start.duration(to: .now)
        #expect(first >= .milliseconds(20) && first < second)
        #expect(second >= .milliseconds(200))
    }
}
