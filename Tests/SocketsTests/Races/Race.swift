import Foundation
import Synchronization

@testable import Sockets

/// Performs two operations on the same state at the same time on two threads, in many rounds.
///
/// Without a delay, the thread that wakes first would always win. So each round delays one thread
/// by a different time of up to 100 µs: this thread in every third round, and the other thread in
/// all other rounds.
///
/// A failed check ends the process, and SIGALRM ends a round that hangs.
enum Race {
    /// The number of rounds of each race.
    ///
    /// `SOCKETS_RACE_ROUNDS` sets it for a long search.
    static let rounds = Environment.number("SOCKETS_RACE_ROUNDS") ?? 300

    /// Whether each race runs in a child process.
    ///
    /// A search runs them in this process, so that their output is visible.
    static let usesChildProcess = Environment.number("SOCKETS_RACE_ROUNDS") == nil

    /// Runs all rounds of a race.
    ///
    /// - Parameters:
    ///   - prepare: Creates the state of a round.
    ///   - here: The operation on this thread.
    ///   - there: The operation on the other thread, at the same time.
    ///   - verify: Checks the state after both operations have ended.
    static func run<State: Sendable>(
        _ prepare: (Int) throws -> State,
        _ here: (State) throws -> Void, against there: @escaping @Sendable (State) -> Void,
        then verify: (State) throws -> Void = { _ in }
    ) rethrows {
        let states = Lock<State?>(nil)
        let start = ThreadBarrier(2)
        let end = ThreadBarrier(2)
        let total = rounds
        let rival = Thread {
            for round in 0..<total {
                start.wait()
                if !round.isMultiple(of: 3) { spin(round) }
                if let state = states.withLock({ $0 }) { there(state) }
                end.wait()
            }
        }
        rival.start()
        for round in 0..<total {
            watch(round)
            let state = try prepare(round)
            states.withLock { $0 = state }
            start.wait()
            if round.isMultiple(of: 3) { spin(round) }
            try here(state)
            end.wait()
            states.withLock { $0 = nil }
            try verify(state)
        }
    }

    private static func spin(_ round: Int) {
        let end = System.continuousNanoseconds() + Int64(round % 101) * 1000
        while System.continuousNanoseconds() < end {}
    }

    /// Sets a timer that ends the process if the rounds take too long.
    static func watch(_ round: Int) {
        if round.isMultiple(of: 64) { alarm(30) }
    }

    /// Verifies that no socket is left, and prints the outcomes of the race.
    static func finish(_ name: String, socketsBefore before: Int, _ outcomes: Int...) async {
        alarm(30)
        let isReleased = await eventually { openSockets() <= before }
        precondition(isReleased, "\(name): \(openSockets()) sockets after \(before)")
        print("race: \(name): \(rounds) rounds, outcomes \(outcomes)")
    }
}
