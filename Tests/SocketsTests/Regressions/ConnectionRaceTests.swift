import Testing

@testable import Sockets

/// Cancellations and closes against bytes that arrive at the same moment.
@Suite("Races of a connection", .ownThread)
struct ConnectionRaceTests {
    @Test(
        "10,000 cancellations that race bytes: each wait ends once and in time, and no byte is lost"
    )
    func cancellations() async {
        // In a process of its own: half of the tasks run in the pool that all other tests share.
        await #expect(processExitsWith: .success) {
            let rounds = 10_000
            let (here, there) = try Connection.pair()
            var slowest = Duration.zero
            var cancelled = 0
            for round in 0..<rounds {
                // A read that went on with another's bytes, or twice, would be off by some here.
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
                    // What came is still there for the next read.
                    #expect(try await here.read(atMost: 16) == [byte])
                }
            }
            #expect(slowest < .milliseconds(100), "the slowest took \(slowest)")
            #expect(cancelled > 0 && cancelled < rounds, "\(cancelled) were cancelled")
        }
    }
}
