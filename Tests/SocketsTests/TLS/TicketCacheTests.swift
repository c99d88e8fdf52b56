import Testing

@testable import Sockets

@Suite("Ticket cache")
struct TicketCacheTests {
    @Test("a cache keeps the newest ticket of each server")
    func newest() {
        var cache = TicketCache<Int>(limit: 2)
        #expect(cache.store(1, for: "a") == nil)
        #expect(cache.store(2, for: "a") == 1)
        #expect(cache.ticket(for: "a") == 2)
    }

    @Test("a full cache drops the server that was added first")
    func bound() {
        var cache = TicketCache<Int>(limit: 2)
        _ = cache.store(1, for: "a")
        _ = cache.store(2, for: "b")
        #expect(cache.store(3, for: "c") == 1)
        #expect(cache.all.count == 2)
        cache.remove("b")
        #expect(cache.store(4, for: "d") == nil)
        #expect(cache.all.sorted() == [3, 4])
    }
}
