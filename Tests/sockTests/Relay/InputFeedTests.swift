import Testing

@testable import sock

@Suite(.ownThread)
struct InputFeedTests {
    /// An input that counts how often it is read, and ends after three pieces.
    private func feed(_ reads: Monitor<Int>) throws -> InputFeed {
        try InputFeed { buffer throws(Failure) in
            let number = reads.update { reads in
                reads += 1
                return reads
            }
            guard number <= 3 else { return 0 }
            buffer[0] = UInt8(number)
            return 1
        }
    }

    @Test("pieces come in order, then the end, and the end again")
    func pieces() async throws {
        let feed = try feed(Monitor(0))
        for number: UInt8 in 1...3 { #expect(await feed.next() == [number]) }
        #expect(await feed.next() == nil)
        #expect(await feed.next() == nil)
    }

    @Test("nothing is read before it is asked for")
    func onlyIfWanted() async throws {
        let reads = Monitor(0)
        let feed = try feed(reads)
        _ = await feed.next()
        #expect(!reads.wait(atMost: .milliseconds(50)) { $0 > 1 })
    }

    @Test("a task that is cancelled does not wait for an input that is silent")
    func cancelled() async throws {
        let isAsked = Monitor(false)
        let feed = try InputFeed { _ throws(Failure) in
            isAsked.update { $0 = true }
            Worker.sleep(for: .seconds(1000))
            return 0
        }
        let waiting = Task { await feed.next() }
        isAsked.wait { $0 }
        waiting.cancel()
        #expect(await waiting.value == nil)
        // And who is cancelled already does not even begin.
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await feed.next()
        }
        #expect(await late.value == nil)
    }
}
