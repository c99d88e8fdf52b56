import Foundation
import Testing

@testable import Sockets

/// Simulates event loops, connections and timers, once per seed.
///
/// In each simulation, every byte arrives once and in order, no operation waits although it could
/// proceed, no deadline passes early, a close wakes all waiters, no call uses a descriptor that is not
/// open, and in the end everything is released. `SOCKETS_SEEDS=100000` simulates that many seeds,
/// `SOCKETS_SEED=7` simulates one seed, and `SOCKETS_FIRST_SEED` is the first seed.
@Suite("Simulations", .ownThread)
struct SimulationSeedTests {
    @Test("simulations of 200 seeds violate no invariant, and a repeated seed gives the same trace")
    func seeds() async throws {
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
            // If it traps, this is the last line, and SOCKETS_SEED=… reproduces the failure.
            FileHandle.standardError.write(Data("\rseed \(seed) ".utf8))
            let trace = try Scenario.run(UInt64(seed))
            traces.insert(trace)
            // Repeats every tenth seed, because only a reproducible failure can be examined.
            guard seed.isMultiple(of: 10) || seeds.count == 1 else { continue }
            let again = try Scenario.run(UInt64(seed))
            precondition(trace == again, "seed \(seed) is not reproducible")
        }
        alarm(0)
        print(
            "simulation: \(seeds.count) seeds from \(seeds.lowerBound),"
                + " \(traces.count) different simulations, every promise kept")
    }
}
