import Glibc
import Testing

@testable import Sockets

@Suite("EventSource: operations", .ownThread)
struct EventSourceOperationTests {
    @Test("begin throws `busy` for a busy direction and succeeds for the other direction")
    func busy() throws {
        let (one, _) = try Connection.pair()
        try one.source.beginReading()
        let error = #expect(throws: WaitFailure.self) { try one.source.beginReading() }
        #expect(error?.cause == .busy)
        try one.source.beginWritingAtOnce()
        one.source.endWriting()
        one.source.endReading()
        try one.source.beginReading()
        one.source.endReading()
    }

    @Test("a failed begin does not keep the descriptor open after close")
    func failedBeginLeaves() async throws {
        let (one, _) = try Connection.pair()
        let number = one.source.descriptor
        try one.source.beginReading()
        #expect(throws: WaitFailure.self) { try one.source.beginReading() }
        one.close()
        #expect(fcntl(number, F_GETFD) >= 0)
        one.source.endReading()
        #expect(await eventually { fcntl(number, F_GETFD) == -1 })
    }

    @Test("begin throws `closed` on a closed source")
    func closed() throws {
        let (one, _) = try Connection.pair()
        one.close()
        let error = #expect(throws: WaitFailure.self) { try one.source.beginWritingAtOnce() }
        #expect(error?.cause == .closed)
    }

    @Test("perform repeats an interrupted call, and an error leaves the direction ready")
    func attempts() async throws {
        let (one, _) = try Connection.pair()
        var attempts = 0
        var deadline = Deadline(.seconds(5))
        let error = await #expect(throws: WaitFailure.self) {
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
