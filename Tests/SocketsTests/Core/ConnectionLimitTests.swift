import Testing

@testable import Sockets

@Suite("ConnectionLimit")
struct ConnectionLimitTests {
    private final class Waiter {}

    @Test("acquire returns true until the maximum is reached")
    func acquire() {
        var limit = ConnectionLimit<Waiter>(2)
        let results = (0..<3).map { _ in limit.acquire() }
        #expect(results == [true, true, false])
        #expect(limit.used == 2)
    }

    @Test("a waiter is enqueued only if the limit is reached")
    func enqueue() {
        var limit = ConnectionLimit<Waiter>(1)
        let waiter = Waiter()
        let (early, earlyForRelease) = (
            limit.enqueueForSlot(waiter), limit.enqueueForRelease(waiter, ifAtLeast: 1)
        )
        #expect(!early && !earlyForRelease)
        _ = limit.acquire()
        let (late, lateForRelease) = (
            limit.enqueueForSlot(waiter), limit.enqueueForRelease(waiter, ifAtLeast: 1)
        )
        #expect(late && lateForRelease)
    }

    @Test("release wakes a waiter of each kind, and cancelAcquire wakes only a slot waiter")
    func waking() {
        var limit = ConnectionLimit<Waiter>(2)
        let waiters = (0..<3).map { _ in Waiter() }
        for _ in 0..<2 { _ = limit.acquire() }
        for waiter in waiters[..<2] { _ = limit.enqueueForSlot(waiter) }
        _ = limit.enqueueForRelease(waiters[2], ifAtLeast: 1)
        let first = limit.cancelAcquire()
        #expect(first === waiters[0])
        let (second, third) = limit.release()
        #expect(second === waiters[1] && third === waiters[2])
        #expect(limit.used == 0)
    }

    @Test("a dequeued waiter is not woken, and the next waiter is woken instead")
    func dequeue() {
        var limit = ConnectionLimit<Waiter>(1)
        let waiters = [Waiter(), Waiter()]
        _ = limit.acquire()
        for waiter in waiters { _ = limit.enqueueForSlot(waiter) }
        limit.dequeue(waiters[0])
        let (next, _) = limit.release()
        #expect(next === waiters[1])
    }
}
