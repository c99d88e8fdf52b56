import Foundation
import Synchronization

@testable import Sockets

/// Lets two threads do two things to the same at the same moment, round after round.
///
/// Who of the two is woken first would always be first; so each round gives this thread another head
/// start, of up to a tenth of a millisecond, and the other one in every third.
///
/// Whoever breaks a promise ends the process: a round that hangs is ended by SIGALRM.
enum Duel {
    /// How many rounds each race runs: few in the ordinary suite, and so many as
    /// `SOCKETS_RACE_ROUNDS` says when races are what is looked for.
    static let rounds = Environment.number("SOCKETS_RACE_ROUNDS") ?? 300

    /// Whether each race has a process of its own; in a search the process is there for nothing else,
    /// and what it says is seen.
    static let isApart = Environment.number("SOCKETS_RACE_ROUNDS") == nil

    /// - Parameters:
    ///   - prepare: makes what the round is about.
    ///   - here: done on this thread.
    ///   - there: done on the other at the same moment.
    ///   - judge: looks at the state when both have ended.
    static func run<State: Sendable>(
        _ prepare: (Int) throws -> State,
        _ here: (State) throws -> Void, against there: @escaping @Sendable (State) -> Void,
        then judge: (State) throws -> Void = { _ in }
    ) rethrows {
        let states = Lock<State?>(nil)
        let start = Rendezvous(2)
        let end = Rendezvous(2)
        let total = rounds
        let opponent = Thread {
            for round in 0..<total {
                start.meet()
                if !round.isMultiple(of: 3) { spin(round) }
                if let state = states.withLock({ $0 }) { there(state) }
                end.meet()
            }
        }
        opponent.start()
        for round in 0..<total {
            watch(round)
            let state = try prepare(round)
            states.withLock { $0 = state }
            start.meet()
            if round.isMultiple(of: 3) { spin(round) }
            try here(state)
            end.meet()
            states.withLock { $0 = nil }
            try judge(state)
        }
    }

    private static func spin(_ round: Int) {
        let end = System.continuousNanoseconds() + Int64(round % 101) * 1000
        while System.continuousNanoseconds() < end {}
    }

    /// Begins a round of a race of tasks, and ends the process if it takes too long.
    static func watch(_ round: Int) {
        if round.isMultiple(of: 64) { alarm(30) }
    }

    /// Says how the race went, and that nothing is left of it.
    static func finish(_ name: String, socketsBefore before: Int, _ outcomes: Int...) async {
        alarm(30)
        let isReleased = await eventually { openSockets() <= before }
        precondition(isReleased, "\(name): \(openSockets()) sockets after \(before)")
        print("race: \(name): \(rounds) rounds, outcomes \(outcomes)")
    }
}
