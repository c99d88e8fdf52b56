import Testing

@testable import Sockets

@Suite("ConnectionSlots", .ownThread)
struct ConnectionSlotsTests {
    private let loop = LoopGroup.shared.loops[0]

    @Test("acquire fails if all slots are used, and cancelAcquire and release each free a slot")
    func acquiring() {
        let slots = ConnectionSlots(2)
        #expect(slots.acquire() && slots.acquire() && !slots.acquire())
        slots.cancelAcquire()
        #expect(slots.acquire() && !slots.acquire())
        slots.release()
        #expect(slots.used == 1)
    }

    @Test(
        "a maximum below 1 limits the slots to 1, and a nil maximum sets no limit",
        arguments: [0, -1, Int.min, nil])
    func maximum(_ maximum: Int?) {
        let slots = ConnectionSlots(maximum)
        #expect(slots.acquire())
        #expect(slots.acquire() == (maximum == nil))
    }

    @Test("waitForSlot returns at once if a slot is free")
    func freeSlot() async {
        let (slots, wakeup) = (ConnectionSlots(1), Wakeup())
        wakeup.reset()
        await slots.waitForSlot(wakeup, on: loop)
        #expect(slots.acquire())
    }

    @Test("freed slots wake the waiters one at a time in order of arrival")
    func order() async {
        let slots = ConnectionSlots(1)
        #expect(slots.acquire())
        let wakeups = [Wakeup(), Wakeup()]
        let (woken, wake) = AsyncStream.makeStream(of: Int.self)
        for (number, wakeup) in wakeups.enumerated() {
            wakeup.reset()
            await waiting(number, in: slots, wakeup, wake)
        }
        var order = woken.makeAsyncIterator()
        slots.release()
        #expect(await order.next() == 0)
        #expect(slots.acquire())
        slots.cancelAcquire()
        #expect(await order.next() == 1)
    }

    /// Starts a task that waits for a slot, and returns when it waits.
    private func waiting(
        _ number: Int, in slots: ConnectionSlots, _ wakeup: Wakeup,
        _ wake: AsyncStream<Int>.Continuation
    ) async {
        // A loop runs jobs in order, so a job that is enqueued later finds the task waiting.
        let loop = loop
        Task(executorPreference: loop) {
            await slots.waitForSlot(wakeup, on: loop)
            wake.yield(number)
        }
        await Task(executorPreference: loop) {}.value
    }

    @Test("release wakes a task in waitForRelease, and cancelAcquire does not")
    func noUse() async {
        let (slots, wakeup) = (ConnectionSlots(2), Wakeup())
        #expect(slots.acquire() && slots.acquire())
        wakeup.reset()
        let (woken, wake) = AsyncStream.makeStream(of: Int.self)
        let loop = loop
        Task(executorPreference: loop) {
            await slots.waitForRelease(wakeup, until: .max, on: loop)
            wake.yield(slots.used)
        }
        await Task(executorPreference: loop) {}.value
        slots.cancelAcquire()
        #expect(slots.acquire())
        // A woken task would have run before this task ends.
        await Task(executorPreference: loop) {}.value
        slots.release()
        var waker = woken.makeAsyncIterator()
        #expect(await waker.next() == 1)
    }

    @Test(
        "waitForRelease returns at once below the given number of used slots, else at the deadline")
    func leaving() async {
        let (slots, wakeup) = (ConnectionSlots(nil), Wakeup())
        wakeup.reset()
        await slots.waitForRelease(wakeup, ifAtLeast: 1, until: .max, on: loop)
        #expect(slots.acquire())
        let instant = System.continuousNanoseconds() + 5_000_000
        await slots.waitForRelease(wakeup, ifAtLeast: 1, until: instant, on: loop)
        #expect(System.continuousNanoseconds() >= instant)
    }
}
