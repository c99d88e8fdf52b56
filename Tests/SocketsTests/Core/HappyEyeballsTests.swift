import SystemPackage
import Testing

@testable import Sockets

@Suite("HappyEyeballs", .ownThread)
struct HappyEyeballsTests {
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

    @Test("addresses alternate between families, starting with the family of the first address")
    func familiesAlternate() {
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

    @Test("the first attempt starts at once, and the second attempt starts 250 ms later")
    func attemptsAreStaggered() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .zero) == .wait(until: Self.milliseconds(250)))
        #expect(race.next(at: Self.milliseconds(249)) == .wait(until: Self.milliseconds(250)))
        #expect(race.next(at: Self.milliseconds(250)) == .start(1))
        #expect(race.next(at: Self.milliseconds(250)) == .wait(until: nil))
    }

    @Test("the delay before the next attempt counts from the start of the previous attempt")
    func theDelayCountsFromTheStart() {
        var race = Self.race(Self.six1, Self.four1, Self.six2)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: Self.milliseconds(400)) == .start(1))
        #expect(race.next(at: Self.milliseconds(400)) == .wait(until: Self.milliseconds(650)))
    }

    @Test("the next attempt starts at once after a failure")
    func aFailureStartsTheNext() {
        var race = Self.race(Self.six1, Self.four1, Self.six2)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(0, because: Self.refused, at: Self.milliseconds(10))
        #expect(race.next(at: Self.milliseconds(10)) == .start(1))
        #expect(race.next(at: Self.milliseconds(10)) == .wait(until: Self.milliseconds(260)))
    }

    @Test("one failure starts exactly one further attempt while another attempt still runs")
    func oneFailureStartsOneAttempt() {
        var race = Self.race(Self.six1, Self.four1, Self.six2, Self.four2)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: Self.milliseconds(250)) == .start(1))
        race.failed(0, because: Self.refused, at: Self.milliseconds(300))
        #expect(race.next(at: Self.milliseconds(300)) == .start(2))
        #expect(race.next(at: Self.milliseconds(300)) == .wait(until: Self.milliseconds(550)))
    }

    @Test("the wait ends at the limit if the limit comes before the next attempt")
    func theWaitEndsAtTheLimit() {
        var race = Self.race(Self.six1, Self.four1, limit: Self.milliseconds(100))
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .zero) == .wait(until: Self.milliseconds(100)))
    }

    @Test("after the last attempt has started, next waits until the limit")
    func onlyTheLimitEndsTheLastWait() {
        var race = Self.race(Self.six1, limit: .seconds(10))
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .zero) == .wait(until: .seconds(10)))
    }

    // MARK: Success

    @Test("the first success cancels every other attempt exactly once")
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

    @Test("a failed attempt is listed as failed and is not cancelled after a success")
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

    @Test("no attempt starts after a success")
    func noStartAfterSuccess() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.succeeded(0)
        #expect(race.next(at: .seconds(1)) == .finish(.connected(0)))
    }

    @Test("results after the first success have no effect")
    func secondSuccessIsIgnored() {
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

    @Test("a success that is reported after the limit still connects")
    func lateSuccessConnects() {
        var race = Self.race(Self.six1, limit: .seconds(1))
        #expect(race.next(at: .zero) == .start(0))
        race.succeeded(0)
        #expect(race.next(at: .seconds(2)) == .finish(.connected(0)))
    }

    // MARK: Failure

    @Test("a failure of all attempts lists every attempt with its cause and duration")
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

    @Test("the error reports a refused connection in preference to an unreachable network")
    func refusalIsPreferred() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(0, because: .system(.networkUnreachable), at: .zero)
        #expect(race.next(at: .zero) == .start(1))
        race.failed(1, because: Self.refused, at: .zero)
        #expect(race.next(at: .zero) == .finish(.failed(Self.refused)))
    }

    @Test("the error has the cause of the first attempt if no address is reachable")
    func noReachableAddress() {
        var race = Self.race(Self.six1, Self.four1)
        #expect(race.next(at: .zero) == .start(0))
        race.failed(0, because: .system(.networkUnreachable), at: .zero)
        #expect(race.next(at: .zero) == .start(1))
        race.failed(1, because: .system(.noRouteToHost), at: .zero)
        #expect(race.next(at: .zero) == .finish(.failed(.system(.networkUnreachable))))
    }

    @Test("a result of an attempt that is not running is ignored, even a second failure")
    func wrongReportsAreIgnored() {
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

    @Test("an empty list of addresses fails at once")
    func noAddresses() {
        var race = Self.race()
        #expect(race.next(at: .zero) == .finish(.failed(.system(.addressNotAvailable))))
    }

    // MARK: Limit and end from outside

    @Test("the limit cancels the running attempts, and every attempt is listed with its cause")
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

    @Test("a limit given as a point in time gives a `timedOut` cause without a duration")
    func limitThatIsAnInstant() {
        var race = HappyEyeballs(
            addresses: [Self.six1], limit: .seconds(1), limitCause: .timedOut(limit: nil))
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .seconds(1)) == .cancel(0))
        #expect(race.next(at: .seconds(1)) == .finish(.failed(.timedOut(limit: nil))))
    }

    @Test("a limit of zero still makes one attempt")
    func withoutAnyTimeOneAttemptIsMade() {
        var race = Self.race(Self.six1, Self.four1, limit: .zero)
        #expect(race.next(at: .zero) == .start(0))
        #expect(race.next(at: .zero) == .cancel(0))
        #expect(race.next(at: .zero) == .finish(.failed(.timedOut(limit: .zero))))
    }

    @Test("stop cancels running attempts and starts no further attempts")
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

    @Test("stop has no effect after a success")
    func stoppingAfterTheEnd() {
        var race = Self.race(Self.six1)
        #expect(race.next(at: .zero) == .start(0))
        race.succeeded(0)
        race.stop(because: .cancelled, at: .seconds(1))
        #expect(race.next(at: .seconds(1)) == .finish(.connected(0)))
    }

    @Test("any random order of events ends each attempt exactly once")
    func randomRaces() {
        var generator = SeededGenerator(seed: 8305)
        var wrong: [Int] = []
        for round in 0..<5_000 where !Self.randomRaceIsSound(using: &generator) {
            wrong.append(round)
        }
        #expect(wrong == [])
    }

    /// Runs a race whose attempts end at random, and returns whether each step was consistent.
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
                        // The caller takes over the connected socket, so it does not count as open
                        // here.
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
