import Glibc
import Testing

@testable import Sockets

@Suite("Lock", .ownThread)
struct LockTests {
    @Test("threads that count up together lose no step")
    func countsExactly() throws {
        let counter = Lock(0)
        let start = Rendezvous(4)
        let threads = (0..<4).map { _ in
            Background {
                start.meet()
                for _ in 0..<1000 {
                    counter.withLock { count in
                        let old = count
                        // Whoever else comes now must wait.
                        sched_yield()
                        count = old + 1
                    }
                }
            }
        }
        for thread in threads { try thread.value() }
        #expect(counter.withLock { $0 } == 4000)
    }

    @Test("a body that throws releases the lock, and what it changed stays")
    func throwingBodyReleases() throws {
        struct Stop: Error {}
        let lock = Lock(1)
        #expect(throws: Stop.self) {
            try lock.withLock { (value: inout Int) throws(Stop) in
                value = 2
                throw Stop()
            }
        }
        // On another thread: a lock that is still held would hang here, and be reported.
        #expect(try Background { lock.withLock { $0 } }.value() == 2)
    }
}
