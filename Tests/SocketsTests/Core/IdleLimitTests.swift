import Testing

@testable import Sockets

@Suite("IdleLimit", .ownThread)
struct IdleLimitTests {
    @Test("a duration starts again with each move of bytes, and an instant stays fixed")
    func postpones() {
        let limit = IdleLimit(.seconds(60))
        let end = limit.end
        while System.continuousNanoseconds() + 60_000_000_000 <= end {}
        limit.touch()
        #expect(limit.end > end)
        #expect(!limit.hasPassed)
        #expect(limit.remaining.map { $0 > .zero && $0 <= .seconds(60) } == true)
        #expect(limit.cause == .timedOut(limit: .seconds(60)))

        let instant = IdleLimit(.until(.now + .seconds(60)))
        let fixed = instant.end
        instant.touch()
        #expect(instant.end == fixed)
        #expect(instant.cause == .timedOut(limit: nil))
    }

    @Test("a limit of zero has passed at once, and the limit .never does not pass")
    func extremes() {
        #expect(IdleLimit(.seconds(0)).hasPassed)
        #expect(!IdleLimit(.never).hasPassed)
        #expect(IdleLimit(.never).remaining == nil)
    }
}
