import Testing

@testable import Sockets

@Suite("Deadlines")
struct DeadlineTests {
    @Test("a length of time ends that long after now, and remembers its length")
    func lengthOfTime() throws {
        let before = ContinuousClock.now
        let deadline = Deadline(.seconds(100))
        let after = ContinuousClock.now
        let end = try #require(deadline.end)
        #expect(end >= before + .seconds(100) && end <= after + .seconds(100))
        #expect(deadline.limit == .seconds(100))
        #expect(try #require(deadline.remaining) <= .seconds(100))
        #expect(!deadline.hasPassed)
    }

    @Test("a moment is the end itself, and no length is known")
    func moment() throws {
        let moment = ContinuousClock.now + .seconds(50)
        let deadline = Deadline(.until(moment))
        #expect(deadline.end == moment)
        #expect(deadline.limit == nil)
        #expect(try #require(deadline.remaining) > .seconds(20))
        #expect(deadline.rest == .until(moment))
    }

    @Test("what is left of a limit ends at the same moment")
    func rest() throws {
        let deadline = Deadline(.seconds(7))
        #expect(Deadline(deadline.rest).end == deadline.end)
        #expect(Deadline(.never).rest == .never)
    }

    @Test(
        "a moment that has passed has passed, however long ago",
        arguments: [
            Duration.nanoseconds(1), .seconds(1), .seconds(3e9), .seconds(Int64.max),
            Duration(attoseconds: .max),
        ])
    func passedMoments(ago: Duration) throws {
        let deadline = Deadline(.until(.now - ago))
        #expect(deadline.hasPassed)
        let remaining = try #require(deadline.remaining)
        #expect(remaining <= .zero)
        #expect(remaining.microsecondsRoundedUp == 1)
        #expect(remaining.millisecondsRoundedUp == 1)
    }

    @Test("the kernel's clock and Swift's continuous clock are the same")
    func sameClock() {
        let before = ContinuousClock.now
        let moment = Moment.now
        let after = ContinuousClock.now
        #expect(before <= moment.instant && moment.instant <= after)
        #expect(Moment(moment.instant) == moment)
    }

    @Test(
        "an instant however far away is a moment",
        arguments: [Duration.seconds(Int64.max), .seconds(Int64.min), .seconds(-1e12)])
    func farInstants(distance: Duration) {
        let moment = Moment(.now + distance)
        #expect(moment.nanoseconds >= 0)
        #expect(moment.isDistant == (distance > .zero))
    }
}
