import SystemPackage
import Testing

@testable import Sockets

@Suite("HappyEyeballs", .ownThread)
struct ConnectRaceTests {
    private static let six1 = SocketAddress("[2001:db8::1]:80")!
    private static let six2 = SocketAddress("[2001:db8::2]:80")!
    private static let six3 = SocketAddress("[2001:db8::3]:80")!
    private static let four1 = SocketAddress("192.0.2.1:80")!
    private static let four2 = SocketAddress("192.0.2.2:80")!

    private static let refused = SocketError.Cause.system(.connectionRefused)

    private static func race(_ addresses: SocketAddress..., limit: Duration? = nil) -> HappyEyeballs
    {
        HappyEyeballs(addresses: addresses, limit: limit)
    }

    private static func milliseconds(_ milliseconds: Int) -> Duration {
        .milliseconds(milliseconds)
    }

    // MARK: Order

    @Test("families alternate, starting with that of the first address")
    func familiesTakeTurns() {
        let six = Self.race(Self.six1, Self.six2, Self.six3, Self.four1, Self.four2)
        #expect(six.addresses == [Self.six1, Self.four1, Self.six2, Self.four2, Self.six3])
        let four = Self.race(Self.four1, Self.four2, Self.six1)
        #expect(four.addresses == [Self.four1, Self.six1, Self.four2])
        let more = Self.race(Self.four1, Self.six1, Self.six2, Self.six3)
        #expect(more.addresses == [Self.four1, Self.six1, Self.six2, Self.six3])
    }

    @Test("addresses of one family keep their order")
    func oneFamilyKeepsItsOrder() {
        #expect(
            Self.race(Self.six2, Self.six1, Self.six3).addresses == [
                Self.six2, Self.six1, Self.six3,
            ])
    }

    // MARK: Timing

    @Test("the first attempt starts at once and the next one 250 ms later")
    func attemptsAreStaggered() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .zero) == .wait(until: Self.milliseconds(250)))
        #expect(race.next(at: Self.milliseconds(249)) == .wait(until: Self.milliseconds(250)))
        #expect(race.next(at: Self.milliseconds(250)) == .start(1))
        #expect(race.next(at: Self.milliseconds(250)) == .wait(until: nil))
    }

    @Test("the delay counts from the start of the previous attempt")
    func theDelayCountsFromTheStart() {
        var race = Self.race(Self.six1, Self.four1, Self.six2)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: Self.milliseconds(400)) == .start(1))
        #expect(race.next(at: Self.milliseconds(400)) == .wait(until: Self.milliseconds(650)))
    }

    @Test("after a failure the next attempt starts at once")
    func aFailureStartsTheNext() {
        var race = Self.race(Self.six1, Self.four1, Self.six2)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(0, because: Self.refused, at: Self.milliseconds(10))
        #expect(race.next(at: Self.milliseconds(10)) == .start(1))
        #expect(race.next(at: Self.milliseconds(10)) == .wait(until: Self.milliseconds(260)))
    }

    @Test("one failure starts one attempt although others still run")
    func oneFailureStartsOneAttempt() {
        var race = Self.race(Self.six1, Self.four1, Self.six2, Self.four2)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: Self.milliseconds(250)) == .start(1))
        race.failed(0, because: Self.refused, at: Self.milliseconds(300))
        #expect(race.next(at: Self.milliseconds(300)) == .start(2))
        #expect(race.next(at: Self.milliseconds(300)) == .wait(until: Self.milliseconds(550)))
    }

    @Test("the wait ends at the limit when that comes before the next start")
    func theWaitEndsAtTheLimit() {
        var race = Self.race(Self.six1, Self.four1, limit: Self.milliseconds(100))
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .zero) == .wait(until: Self.milliseconds(100)))
    }

    @Test("after the last start only the limit ends the wait")
    func onlyTheLimitEndsTheLastWait() {
        var race = Self.race(Self.six1, limit: .seconds(10))
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .zero) == .wait(until: .seconds(10)))
    }

    // MARK: Success

    @Test("the first answer cancels each other attempt once")
    func theFirstToAnswerWins() {
        var race = Self.race(Self.six1, Self.four1, Self.six2)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: Self.milliseconds(250)) == .start(1))
        #expect(race.next(at: Self.milliseconds(500)) == .start(2))
        race.succeeded(1)
        #expect(race.next(at: Self.milliseconds(510)) == .cancel(0))
        #expect(race.next(at: Self.milliseconds(510)) == .cancel(2))
        #expect(race.next(at: Self.milliseconds(510)) == .finish(.connected(1)))
        #expect(race.next(at: Self.milliseconds(510)) == .finish(.connected(1)))
    }

    @Test("a failed attempt is kept and not cancelled")
    func failedAttemptsAreNotCancelled() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(0, because: Self.refused, at: Self.milliseconds(3))
        #expect(race.next(at: Self.milliseconds(3)) == .start(1))
        race.succeeded(1)
        #expect(race.next(at: Self.milliseconds(4)) == .finish(.connected(1)))
        #expect(
            race.attempts == [
                .init(address: Self.six1, cause: Self.refused, duration: Self.milliseconds(3))
            ])
    }

    @Test("no attempt starts after a connection is established")
    func nothingStartsAfterTheAnswer() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.succeeded(0)
        #expect(race.next(at: .seconds(1)) == .finish(.connected(0)))
    }

    @Test("a second answer changes nothing")
    func aSecondAnswerChangesNothing() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: Self.milliseconds(250)) == .start(1))
        race.succeeded(1)
        race.succeeded(0)
        race.failed(0, because: Self.refused, at: Self.milliseconds(260))
        #expect(race.next(at: Self.milliseconds(260)) == .cancel(0))
        #expect(race.next(at: Self.milliseconds(260)) == .finish(.connected(1)))
        #expect(race.attempts == [])
    }

    @Test("an answer that is reported after the limit counts")
    func anAnswerAtTheLimitCounts() {
        var race = Self.race(Self.six1, limit: .seconds(1))
        #expect(race.next(at: .zero) == .start(0))
        race.succeeded(0)
        #expect(race.next(at: .seconds(2)) == .finish(.connected(0)))
    }

    // MARK: Failure

    @Test("if all attempts fail, the result keeps every attempt")
    func allFailed() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(0, because: Self.refused, at: Self.milliseconds(1))
        #expect(race.next(at: Self.milliseconds(1)) == .start(1))
        race.failed(1, because: .system(.connectionReset), at: Self.milliseconds(5))
        #expect(race.next(at: Self.milliseconds(5)) == .finish(.failed(Self.refused)))
        #expect(
            race.attempts == [
                .init(address: Self.six1, cause: Self.refused, duration: Self.milliseconds(1)),
                .init(
                    address: Self.four1, cause: .system(.connectionReset),
                    duration: Self.milliseconds(4)),
            ])
    }

    @Test("a peer's refusal is preferred to a missing route")
    func refusalsSayMore() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(0, because: .system(.networkUnreachable), at: .zero)
        #expect(race.next(at: .zero) == .start(1))
        race.failed(1, because: Self.refused, at: .zero)
        #expect(race.next(at: .zero) == .finish(.failed(Self.refused)))
    }

    @Test("without any route, the result is the first cause")
    func noWayAtAll() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(0, because: .system(.networkUnreachable), at: .zero)
        #expect(race.next(at: .zero) == .start(1))
        race.failed(1, because: .system(.noRouteToHost), at: .zero)
        #expect(race.next(at: .zero) == .finish(.failed(.system(.networkUnreachable))))
    }

    @Test("a failure counts once, and not at all without an attempt")
    func wrongReportsDoNotCount() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(1, because: Self.refused, at: .zero)
        race.failed(-1, because: Self.refused, at: .zero)
        race.succeeded(7)
        #expect(race.next(at: .zero) == .wait(until: Self.milliseconds(250)))
        race.failed(0, because: Self.refused, at: .zero)
        race.failed(0, because: .closed, at: .seconds(1))
        #expect(race.attempts.map(\.cause) == [Self.refused])
    }

    @Test("no addresses fail at once")
    func noAddresses() {
        var race = Self.race()
        #expect(race.next(at: .zero) == .finish(.failed(.system(.addressNotAvailable))))
    }

    // MARK: Limit and end from outside

    @Test("the limit cancels running attempts and keeps each with its cause")
    func theLimitEndsTheRace() {
        let limit = Self.milliseconds(300)
        var race = Self.race(Self.six1, Self.four1, Self.six2, limit: limit)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(0, because: Self.refused, at: Self.milliseconds(20))
        #expect(race.next(at: Self.milliseconds(20)) == .start(1))
        #expect(race.next(at: Self.milliseconds(270)) == .start(2))
        #expect(race.next(at: limit) == .cancel(1))
        #expect(race.next(at: limit) == .cancel(2))
        #expect(race.next(at: limit) == .finish(.failed(.timedOut(limit: limit))))
        #expect(
            race.attempts == [
                .init(address: Self.six1, cause: Self.refused, duration: Self.milliseconds(20)),
                .init(
                    address: Self.four1, cause: .timedOut(limit: limit),
                    duration: Self.milliseconds(280)),
                .init(
                    address: Self.six2, cause: .timedOut(limit: limit),
                    duration: Self.milliseconds(30)),
            ])
    }

    @Test("a limit until an instant has no duration in the cause")
    func aLimitThatWasAMoment() {
        var race = HappyEyeballs(
            addresses: [Self.six1], limit: .seconds(1), limitCause: .timedOut(limit: nil))
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .seconds(1)) == .cancel(0))
        #expect(race.next(at: .seconds(1)) == .finish(.failed(.timedOut(limit: nil))))
    }

    @Test("one attempt is made without any time")
    func withoutAnyTimeOneAttemptIsMade() {
        var race = Self.race(Self.six1, Self.four1, limit: .zero)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .zero) == .cancel(0))
        #expect(race.next(at: .zero) == .finish(.failed(.timedOut(limit: .zero))))
    }

    @Test("stop cancels running attempts and starts no more")
    func aStoppedRace() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.stop(because: .cancelled, at: Self.milliseconds(7))
        #expect(race.next(at: .seconds(1)) == .cancel(0))
        #expect(race.next(at: .seconds(1)) == .finish(.failed(.cancelled)))
        #expect(
            race.attempts == [
                .init(address: Self.six1, cause: .cancelled, duration: Self.milliseconds(7))
            ])
    }

    @Test("stop has no effect after the attempts have finished")
    func stoppingAfterTheEnd() {
        var race = Self.race(Self.six1)
        #expect(race.next(at: .zero) == .start(0))
        race.succeeded(0)
        race.stop(because: .cancelled, at: .seconds(1))
        #expect(race.next(at: .seconds(1)) == .finish(.connected(0)))
    }

    @Test("any order of events ends each attempt once and finishes")
    func randomRaces() {
        var generator = SeededGenerator(seed: 8305)
        var wrong: [Int] = []
        for round in 0..<5_000 where !Self.randomRaceIsSound(using: &generator) {
            wrong.append(round)
        }
        #expect(wrong == [])
    }

    /// Runs a race in which attempts end at random, and checks its book-keeping.
    private static func randomRaceIsSound(using generator: inout SeededGenerator) -> Bool {
        let all = [six1, six2, six3, four1, four2]
        let count = Int.random(in: 1...5, using: &generator)
        let limit: Duration? =
            Bool.random(using: &generator)
            ? milliseconds(Int.random(in: 0...2_000, using: &generator)) : nil
        var race = HappyEyeballs(
            addresses: Array(all.shuffled(using: &generator).prefix(count)), limit: limit)
        var now = Duration.zero
        var open: Set<Int> = []
        var started: Set<Int> = []
        for _ in 0..<200 {
            switch race.next(at: now) {
            case .start(let index):
                guard started.insert(index).inserted else { return false }
                open.insert(index)
            case .cancel(let index):
                guard open.remove(index) != nil else { return false }
            case .wait(let until):
                guard until.map({ $0 > now }) ?? true, until != nil || !open.isEmpty else {
                    return false
                }
                if let index = open.randomElement(using: &generator), Bool.random(using: &generator)
                {
                    now += milliseconds(Int.random(in: 0...50, using: &generator))
                    if Int.random(in: 0..<4, using: &generator) == 0 {
                        race.succeeded(index)
                        // The winner's socket is handed over, no longer ours to close.
                        open.remove(index)
                    } else {
                        race.failed(index, because: refused, at: now)
                        open.remove(index)
                    }
                } else {
                    now = until ?? now
                }
            case .finish(.connected(let index)):
                return open.isEmpty && started.contains(index)
            case .finish(.failed):
                return open.isEmpty && race.attempts.count == started.count
            }
        }
        return false
    }
}
