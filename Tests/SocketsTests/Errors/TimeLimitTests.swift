import Testing

@testable import Sockets

@Suite("TimeLimit")
struct TimeLimitTests {
    // MARK: Making them

    @Test("limits of equal duration are equal")
    func equality() {
        #expect(TimeLimit.seconds(2) == .milliseconds(2000))
        #expect(TimeLimit.seconds(2) == .seconds(2.0))
        #expect(TimeLimit.seconds(2) == TimeLimit(.seconds(2)))
        #expect(TimeLimit.seconds(0.05) == .milliseconds(50))
        #expect(TimeLimit.seconds(2) != .seconds(3))
        let now = ContinuousClock.now
        #expect(TimeLimit.until(now) == .until(now))
        #expect(TimeLimit.until(now + .seconds(1)) != .until(now + .seconds(2)))
        #expect(TimeLimit.until(now) != .seconds(0))
        #expect(Set([TimeLimit.never, .never, .seconds(1)]).count == 2)
    }

    @Test(
        "a limit of more than 95 years becomes .never",
        arguments: [
            .seconds(Int.max), .seconds(UInt64.max), .seconds(Int128.max), .seconds(4_000_000_000),
            .seconds(Double.infinity), .seconds(Double.greatestFiniteMagnitude), .seconds(3.1e9),
            .milliseconds(Int.max), .milliseconds(UInt64.max), .milliseconds(4_000_000_000_000),
            TimeLimit(.seconds(Int64.max)), TimeLimit(Duration(attoseconds: .max)),
            .until(.now + .seconds(Int64.max)), .until(.now + .seconds(3.2e9)), .never,
        ] as [TimeLimit])
    func tooLongIsNever(limit: TimeLimit) {
        #expect(limit == .never)
        #expect(Deadline(startingNow: limit).remaining == nil)
        #expect(Deadline(startingNow: limit).isNever)
        #expect(!Deadline(startingNow: limit).hasPassed)
    }

    @Test(
        "a negative or NaN limit becomes zero",
        arguments: [
            .seconds(-1), .seconds(Int.min), .seconds(Int128.min), .seconds(-0.5), .seconds(-0.0),
            .seconds(-Double.infinity), .seconds(Double.nan), .seconds(-Double.nan),
            .seconds(Double.signalingNaN), .milliseconds(-1), .milliseconds(Int.min),
            TimeLimit(.seconds(-1)), TimeLimit(Duration(attoseconds: .min)), .seconds(0),
        ] as [TimeLimit])
    func negativeIsZero(limit: TimeLimit) throws {
        #expect(limit == TimeLimit(.zero))
        let deadline = Deadline(startingNow: limit)
        #expect(deadline.cause == .timedOut(limit: .zero))
        #expect(try #require(deadline.remaining) <= .zero)
        #expect(deadline.hasPassed)
    }

    @Test("a limit of 3,000,000,000 s is the longest, and a longer limit becomes .never")
    func longest() {
        #expect(TimeLimit.seconds(3_000_000_000) != .never)
        #expect(TimeLimit.seconds(3_000_000_001) == .never)
        #expect(TimeLimit.seconds(3e9) == .seconds(3_000_000_000))
        #expect(TimeLimit.milliseconds(3_000_000_000_000) == .seconds(3_000_000_000))
    }

    @Test("a fraction of a second is kept to the microsecond")
    func fractions() {
        #expect(TimeLimit.seconds(0.000_001) == TimeLimit(.microseconds(1)))
        #expect(TimeLimit.seconds(1.5) == .milliseconds(1500))
        #expect(TimeLimit.seconds(0.1) == .milliseconds(100))
        #expect(TimeLimit.seconds(Double.leastNonzeroMagnitude) != .never)
    }

    @Test(
        "packing a limit into one word and unpacking it does not change the limit",
        arguments: [
            .never, .seconds(0), .milliseconds(1), .seconds(3_000_000_000), .until(.now),
            .until(.now + .seconds(2e9)), .until(.now - .seconds(1e12)),
        ] as [TimeLimit])
    func packed(limit: TimeLimit) {
        #expect(TimeLimit(packed: limit.packed) == limit)
    }

    // MARK: Sharing

    @Test("deadline() turns a duration into an instant that several operations can share")
    func deadline() throws {
        let before = ContinuousClock.now
        let deadline = TimeLimit.seconds(100).deadline()
        let after = ContinuousClock.now
        guard case .until = deadline.kind else {
            Issue.record("\(deadline) is no instant")
            return
        }
        #expect(deadline.deadline() == deadline)
        let first = Deadline(startingNow: deadline).remainingLimit
        #expect(Deadline(startingNow: deadline).remainingLimit == first)
        let (earliest, latest) = (before + .seconds(100), after + .seconds(100))
        #expect(TimeLimit.until(earliest).packed <= deadline.packed)
        #expect(deadline.packed <= TimeLimit.until(latest).packed)
    }

    @Test("deadline() of .never returns .never")
    func deadlineOfNever() {
        #expect(TimeLimit.never.deadline() == .never)
    }

    @Test("System.continuousNanoseconds and ContinuousClock read the same clock")
    func sameClock() {
        let before = ContinuousClock.now
        let instant = System.continuousNanoseconds()
        let after = ContinuousClock.now
        let limit = TimeLimit(untilNanoseconds: instant)
        #expect(TimeLimit.until(before).packed <= limit.packed)
        #expect(limit.packed <= TimeLimit.until(after).packed)
    }

    // MARK: Text

    @Test(
        "a duration prints in milliseconds, seconds or minutes",
        arguments: [
            (.zero, "0 ms"), (Duration(attoseconds: 1), "0.1 ms"), (.nanoseconds(1), "0.1 ms"),
            (.microseconds(1), "0.1 ms"), (.microseconds(99), "0.1 ms"),
            (.microseconds(100), "0.1 ms"), (.microseconds(149), "0.1 ms"),
            (.microseconds(150), "0.2 ms"), (.milliseconds(1), "1 ms"),
            (.microseconds(1500), "1.5 ms"), (.milliseconds(50), "50 ms"),
            (.milliseconds(250), "250 ms"), (.milliseconds(499), "499 ms"),
            (.milliseconds(500), "0.5 s"), (.milliseconds(949), "0.9 s"),
            (.milliseconds(950), "1 s"), (.seconds(1), "1 s"), (.milliseconds(1500), "1.5 s"),
            (.seconds(10), "10 s"), (.seconds(59), "59 s"), (.seconds(60), "1 min"),
            (.seconds(90), "90 s"), (.seconds(120), "2 min"), (.seconds(3600), "60 min"),
            (.seconds(86401), "86401 s"),
            (.seconds(Int64.max), "50000000 min"), (Duration(attoseconds: .max), "50000000 min"),
        ] as [(Duration, String)])
    func brief(duration: Duration, text: String) {
        #expect(duration.brief == text)
    }

    @Test("the smallest duration prints without a trap")
    func leastDuration() {
        #expect(Duration(attoseconds: .min).brief == Duration.seconds(-3e9).brief)
    }

    @Test("a limit prints as a duration, as never, or as an instant relative to now")
    func description() {
        #expect(TimeLimit.seconds(2).description == "2 s")
        #expect(TimeLimit.milliseconds(50).description == "50 ms")
        #expect(TimeLimit.never.description == "never")
        let future = TimeLimit.until(.now + .seconds(1e5)).description
        #expect(future.hasPrefix("until ") && future.hasSuffix(" s from now"))
        let past = TimeLimit.until(.now - .seconds(1e5)).description
        #expect(past.hasPrefix("until ") && past.hasSuffix(" ago"))
    }
}
