import Testing

@testable import Sockets

@Suite("ConnectionSlots", .ownThread)
struct PlacesTests {
    private let loop = LoopGroup.shared.loops[0]

    @Test("as many are taken as there are, and those given back can be taken again")
    func taking() {
        let places = ConnectionSlots(2)
        #expect(places.take() && places.take() && !places.take())
        places.giveBack()
        #expect(places.take() && !places.take())
        places.leave()
        #expect(places.taken == 1)
    }

    @Test("a maximum below one is one, and none is no limit", arguments: [0, -1, Int.min, nil])
    func maximum(_ maximum: Int?) {
        let places = ConnectionSlots(maximum)
        #expect(places.take())
        #expect(places.take() == (maximum == nil))
    }

    @Test("where there is room, nobody waits for it")
    func room() async {
        let (places, alarm) = (ConnectionSlots(1), Wakeup())
        alarm.reset()
        await places.awaitRoom(alarm, on: loop)
        #expect(places.take())
    }

    @Test("a place that becomes free wakes one of those who wait, in the order of coming")
    func order() async {
        let places = ConnectionSlots(1)
        #expect(places.take())
        let alarms = [Wakeup(), Wakeup()]
        let (woken, wake) = AsyncStream.makeStream(of: Int.self)
        for (number, alarm) in alarms.enumerated() {
            alarm.reset()
            await waiting(number, in: places, alarm, wake)
        }
        var order = woken.makeAsyncIterator()
        places.leave()
        #expect(await order.next() == 0)
        #expect(places.take())
        places.giveBack()
        #expect(await order.next() == 1)
    }

    /// Returns when a task waits for room.
    private func waiting(
        _ number: Int, in places: ConnectionSlots, _ alarm: Wakeup,
        _ wake: AsyncStream<Int>.Continuation
    ) async {
        // On a loop, jobs run one after the other: what is enqueued later finds it waiting.
        let loop = loop
        Task(executorPreference: loop) {
            await places.awaitRoom(alarm, on: loop)
            wake.yield(number)
        }
        await Task(executorPreference: loop) {}.value
    }

    @Test("a place that came to be of no use does not wake who waits for a descriptor")
    func noUse() async {
        let (places, alarm) = (ConnectionSlots(2), Wakeup())
        #expect(places.take() && places.take())
        alarm.reset()
        let (woken, wake) = AsyncStream.makeStream(of: Int.self)
        let loop = loop
        Task(executorPreference: loop) {
            await places.awaitLeave(alarm, until: .max, on: loop)
            wake.yield(places.taken)
        }
        await Task(executorPreference: loop) {}.value
        places.giveBack()
        #expect(places.take())
        // If it had been woken it would have run by the end of this.
        await Task(executorPreference: loop) {}.value
        places.leave()
        var waker = woken.makeAsyncIterator()
        #expect(await waker.next() == 1)
    }

    @Test("whoever waits for others to leave waits for as many as there are, and not for ever")
    func leaving() async {
        let (places, alarm) = (ConnectionSlots(nil), Wakeup())
        alarm.reset()
        await places.awaitLeave(alarm, atLeast: 1, until: .max, on: loop)
        #expect(places.take())
        let instant = System.continuousNanoseconds() + 5_000_000
        await places.awaitLeave(alarm, atLeast: 1, until: instant, on: loop)
        #expect(System.continuousNanoseconds() >= instant)
    }
}
