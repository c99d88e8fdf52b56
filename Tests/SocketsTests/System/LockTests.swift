import Glibc
import Testing

@testable import Sockets

@Suite("Lock", .ownThread)
struct LockTests {
    @Test("concurrent increments under the lock are not lost")
    func countsExactly() throws {
        let counter = Lock(0)
        let start = ThreadBarrier(4)
        let threads = (0..<4).map { _ in
            Background {
                start.wait()
                for _ in 0..<1000 {
                    counter.withLock { count in
                        let old = count
                        // The other threads must wait now.
                        sched_yield()
                        count = old + 1
                    }
                }
            }
        }
        for thread in threads { try thread.value() }
        #expect(counter.withLock { $0 } == 4000)
    }

    @Test("withLock releases the lock and keeps changes if its body throws")
    func throwingBodyReleases() throws {
        struct Stop: Error {}
        let lock = Lock(1)
        #expect(throws: Stop.self) {
            try lock.withLock { (value: inout Int) throws(Stop) in
                value = 2
                throw Stop()
            }
        }
        // Lock on another thread, because a lock that is still held would hang, and `Background`
        // reports a hang.
        #expect(try Background { lock.withLock { $0 } }.value() == 2)
    }
}
