import Foundation
import Testing

@testable import Sockets

/// Loops, connections and timers in simulated worlds, one for each seed.
///
/// In each: every byte arrives once and in order, nobody waits for what is there, no deadline passes
/// early, a close wakes who waits, no call is made on a descriptor that is not open, and at the end
/// everything has been let go. `SOCKETS_SEEDS=100000` looks at so many worlds, `SOCKETS_SEED=7` at
/// one, and `SOCKETS_FIRST_SEED` says where to begin.
@Suite("Simulated worlds", .ownThread)
struct SimulationSeedTests {
    @Test("200 worlds keep every promise, and the same seed is the same world")
    func worlds() async throws {
        let isSearch = ["SOCKETS_SEED", "SOCKETS_SEEDS"].contains { Environment.number($0) != nil }
        guard !isSearch else { return try Self.search() }
        await #expect(processExitsWith: .success) { try Self.search() }
    }

    private static func search() throws {
        let first = Environment.number("SOCKETS_FIRST_SEED") ?? 0
        let count = Environment.number("SOCKETS_SEEDS") ?? 200
        let seeds = Environment.number("SOCKETS_SEED").map { $0..<$0 + 1 } ?? first..<first + count
        var traces: Set<UInt64> = []
        for seed in seeds {
            alarm(60)
            // If it traps, this is the last line, and SOCKETS_SEED=… shows it again.
            FileHandle.standardError.write(Data("\rseed \(seed) ".utf8))
            let trace = try Scenario.run(UInt64(seed))
            traces.insert(trace)
            // Each tenth once more: a world that is not the same again could not be looked into.
            guard seed.isMultiple(of: 10) || seeds.count == 1 else { continue }
            let again = try Scenario.run(UInt64(seed))
            precondition(trace == again, "seed \(seed) is another world each time")
        }
        alarm(0)
        print(
            "simulation: \(seeds.count) seeds from \(seeds.lowerBound),"
                + " \(traces.count) different worlds, every promise kept")
    }
}
