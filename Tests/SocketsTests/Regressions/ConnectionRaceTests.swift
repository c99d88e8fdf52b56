import Testing

@testable import Sockets

/// Cancellations while bytes arrive.
@Suite("Races of a connection", .ownThread)
struct ConnectionRaceTests {
    @Test(
        "a cancellation that races a byte ends the read within 100 ms and loses no byte"
    )
    func cancellations() async {
        // In a child process, because half of the tasks run in the pool that all other tests share.
        await #expect(processExitsWith: .success) {
            let rounds = 10_000
            let (here, there) = try Connection.pair()
            var slowest = Duration.zero
            var cancelled = 0
            for round in 0..<rounds {
                // A read that resumes twice, or with the bytes of another read, returns another
                // value.
                let byte = UInt8(truncatingIfNeeded: round)
                let reading = Task(
                    executorPreference: round.isMultiple(of: 2) ? nil : here.source.loop
                ) {
                    try await here.read(atMost: 16)
                }
                let writing = Task { try await there.write([byte]) }
                if round.isMultiple(of: 3) { await Task.yield() }
                let start = ContinuousClock.now
                reading.cancel()
                let result = await reading.result
                slowest = max(slowest, start.duration(to: .now))
                try await writing.value
                switch result {
                case .success(let bytes):
                    #expect(bytes == [byte])
                case .failure(let error):
                    #expect((error as? SocketError)?.cause == .cancelled)
                    cancelled += 1
                    // The byte is still there for the next read.
                    #expect(try await here.read(atMost: 16) == [byte])
                }
            }
            #expect(slowest < .milliseconds(100), "the slowest took \(slowest)")
            #expect(cancelled > 0 && cancelled < rounds, "\(cancelled) were cancelled")
        }
    }
}
