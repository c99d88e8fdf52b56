import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct InputReaderTests {
    /// Records the reads of an input that ends after three of them.
    private struct Reads {
        var count = 0
        var thread = ""
    }

    private func reader(_ reads: Monitor<Reads>) throws -> InputReader {
        try InputReader { buffer throws(Failure) in
            let number = reads.update { reads in
                reads.count += 1
                reads.thread = currentThread()
                return reads.count
            }
            guard number <= 3 else { return 0 }
            buffer[0] = UInt8(number)
            return 1
        }
    }

    @Test("next returns the bytes in order, and then nil repeatedly")
    func order() async throws {
        let reader = try reader(Monitor(Reads()))
        for number: UInt8 in 1...3 { #expect(await reader.next() == [number]) }
        #expect(await reader.next() == nil)
        #expect(await reader.next() == nil)
    }

    @Test("the reader thread reads only on request")
    func onRequest() async throws {
        let reads = Monitor(Reads())
        let reader = try reader(reads)
        _ = await reader.next()
        waitUntilBlocked(reads.update { $0.thread })
        #expect(reads.update { $0.count } == 1)
        _ = reader
    }

    @Test("next returns nil to a cancelled task without waiting for input")
    func cancelled() async throws {
        let isReading = Monitor(false)
        let reader = try InputReader { _ throws(Failure) in
            isReading.update { $0 = true }
            isReading.wait { !$0 }
            return 0
        }
        let waiting = Task { await reader.next() }
        isReading.wait { $0 }
        waiting.cancel()
        #expect(await waiting.value == nil)
        // A task that was cancelled before the call does not wait either.
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await reader.next()
        }
        #expect(await late.value == nil)
        isReading.update { $0 = false }
    }
}
