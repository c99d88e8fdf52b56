import Testing

@testable import Sockets

@Suite("Deadline")
struct DeadlineTests {
    @Test("a deadline gets its instant at the first start and keeps that instant")
    func start() {
        var deadline = Deadline(.milliseconds(20))
        #expect(!deadline.hasPassed)
        let instant = deadline.start()
        #expect(instant >= System.continuousNanoseconds())
        let again = deadline.start()
        #expect(again == instant)
        #expect(deadline.cause == .timedOut(limit: .milliseconds(20)))
        while System.continuousNanoseconds() < instant {}
        #expect(deadline.hasPassed)
    }

    @Test("startIfNeeded returns true only for the first start")
    func startIfNeeded() {
        var deadline = Deadline(.seconds(100))
        let results = [deadline.startIfNeeded(), deadline.startIfNeeded()]
        #expect(results == [true, false])
        var started = Deadline(startingNow: .seconds(100))
        let isFirst = started.startIfNeeded()
        #expect(!isFirst)
    }

    @Test("a deadline with the limit .never does not pass and has no remaining time")
    func never() {
        var deadline = Deadline(.never)
        #expect(deadline.isNever)
        let instant = deadline.start()
        #expect(instant == .max)
        #expect(!deadline.hasPassed)
        #expect(deadline.remaining == nil)
        #expect(deadline.remainingLimit == .never)
        #expect(deadline.cause == .timedOut(limit: nil))
    }

    @Test("a deadline from a duration passes when the duration has elapsed, and names the duration")
    func duration() throws {
        let before = System.continuousNanoseconds()
        var deadline = Deadline(startingNow: .seconds(100))
        let after = System.continuousNanoseconds()
        let length: Int64 = 100_000_000_000
        let instant = deadline.start()
        #expect((before + length...after + length).contains(instant))
        #expect(deadline.cause == .timedOut(limit: .seconds(100)))
        #expect(try #require(deadline.remaining) <= .seconds(100))
        #expect(!deadline.hasPassed)
    }

    @Test("a deadline from an instant passes at that instant and names no duration")
    func instant() throws {
        let instant = ContinuousClock.now + .seconds(50)
        let deadline = Deadline(startingNow: .until(instant))
        #expect(deadline.cause == .timedOut(limit: nil))
        #expect(try #require(deadline.remaining) > .seconds(20))
        #expect(deadline.remainingLimit == .until(instant))
    }

    @Test("remainingLimit of a deadline ends at the instant of the deadline")
    func remainingLimit() {
        for limit in [TimeLimit.seconds(7), .seconds(3_000_000_000)] {
            var deadline = Deadline(startingNow: limit)
            var rest = Deadline(startingNow: deadline.remainingLimit)
            let (end, endOfRest) = (deadline.start(), rest.start())
            #expect(endOfRest == end)
        }
    }

    @Test(
        "a deadline at an instant in the past has passed, even if the instant is long ago",
        arguments: [
            Duration.nanoseconds(1), .seconds(1), .seconds(3e9), .seconds(Int64.max),
            Duration(attoseconds: .max),
        ])
    func pastInstants(ago: Duration) throws {
        let deadline = Deadline(startingNow: .until(.now - ago))
        #expect(deadline.hasPassed)
        let remaining = try #require(deadline.remaining)
        #expect(remaining <= .zero)
        #expect(remaining.microsecondsRoundedUp == 1)
        #expect(remaining.millisecondsRoundedUp == 1)
    }

    @Test("beginStep throws `timedOut` at the third step if the limit is zero")
    func steps() throws {
        var deadline = Deadline(.seconds(0))
        try deadline.beginStep()
        #expect(!deadline.hasPassed)
        try deadline.beginStep()
        do throws(WaitFailure) {
            try deadline.beginStep()
            Issue.record("the third step did not fail")
        } catch {
            #expect(error.cause == .timedOut(limit: .zero))
        }
    }

    @Test("Deadline is 16 bytes wide, and TimeLimit and WaitFailure are 8 bytes wide")
    func size() {
        #expect(MemoryLayout<TimeLimit>.size == 8)
        #expect(MemoryLayout<Deadline>.size == 16)
        #expect(MemoryLayout<WaitFailure>.size == 8)
    }
}
