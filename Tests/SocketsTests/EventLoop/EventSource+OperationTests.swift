import Glibc
import Testing

@testable import Sockets

@Suite("An operation of a source", .ownThread)
struct EventSourceOperationTests {
    @Test("a limit begins with the first wait, and is never early")
    func deadline() {
        var deadline = WaitDeadline(.milliseconds(20))
        #expect(!deadline.hasPassed)
        let instant = deadline.begin()
        #expect(instant >= System.continuousNanoseconds())
        #expect(deadline.begin() == instant)
        #expect(deadline.cause == .timedOut(limit: .milliseconds(20)))
        while System.continuousNanoseconds() < instant {}
        #expect(deadline.hasPassed)
    }

    @Test("no limit never passes")
    func never() {
        var deadline = WaitDeadline(.never)
        #expect(deadline.begin() == .max)
        #expect(!deadline.hasPassed)
        #expect(deadline.cause == .timedOut(limit: nil))
    }

    @Test("a direction is held by one at a time, and the other one is free")
    func busy() throws {
        let (one, _) = try Connection.pair()
        try one.source.begin(.reading)
        let error = #expect(throws: EndOfWait.self) { try one.source.begin(.reading) }
        #expect(error?.cause == .busy)
        try one.source.begin(.writing)
        one.source.end(.writing)
        one.source.end(.reading)
        try one.source.begin(.reading)
        one.source.end(.reading)
    }

    @Test("who found a direction busy does not keep the descriptor open")
    func busyLeaves() async throws {
        let (one, _) = try Connection.pair()
        let number = one.source.descriptor
        try one.source.begin(.reading)
        #expect(throws: EndOfWait.self) { try one.source.begin(.reading) }
        one.close()
        #expect(fcntl(number, F_GETFD) >= 0)
        one.source.end(.reading)
        #expect(await eventually { fcntl(number, F_GETFD) == -1 })
    }

    @Test("a slice of a limit is so long as it is told, and no longer than the limit")
    func slices() {
        var long = WaitDeadline(.seconds(1000))
        var short = WaitDeadline(.milliseconds(1))
        let now = System.continuousNanoseconds()
        var slice = long.slice(milliseconds: 5000)
        let end = slice.begin() - now
        #expect((5_000_000_000...15_000_000_000).contains(end))
        slice = short.slice(milliseconds: 5000)
        #expect(slice.begin() == short.begin())
        var never = WaitDeadline(.never)
        slice = never.slice(milliseconds: 5000)
        #expect(slice.begin() < now + 15_000_000_000)
    }

    @Test("a closed source lets nobody begin")
    func closed() throws {
        let (one, _) = try Connection.pair()
        one.close()
        let error = #expect(throws: EndOfWait.self) { try one.source.begin(.writing) }
        #expect(error?.cause == .closed)
    }

    @Test("an interrupted attempt is made again, and an error stays ready to be found again")
    func attempts() async throws {
        let (one, _) = try Connection.pair()
        var attempts = 0
        var deadline = WaitDeadline(.seconds(5))
        let error = await #expect(throws: EndOfWait.self) {
            try await one.source.perform(.writing, &deadline) { _ throws(Errno) in
                attempts += 1
                if attempts < 3 { throw Errno.interrupted }
                throw Errno.connectionReset
            }
        }
        #expect(error?.cause == .system(.connectionReset))
        #expect(attempts == 3)
        let isReady = one.source.writing.word.isReady
        #expect(isReady)
    }
}
