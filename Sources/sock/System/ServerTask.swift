import Sockets

/// A server made of tasks, which the program's main thread waits for.
///
/// The loops that it runs on are its own, and start with it: verbs that serve nobody have none.
final class ServerTask: Sendable {
    private let state = Monitor(State())

    private struct State {
        var task: Task<Void, Never>?
        var isToldToStop = false
        var outcome: Result<Void, any Error>?
    }

    /// Runs `body` on so many loops, and returns when it does; also when `stop` has cancelled it.
    ///
    /// - Throws: what `body` throws; `SocketError` if the loops cannot be started.
    func run(
        loops count: Int, _ body: @escaping @Sendable (LoopGroup) async throws -> Void
    ) throws {
        let group: LoopGroup
        do throws(SocketError) {
            group = try LoopGroup(loops: count)
        } catch {
            state.update { $0.outcome = .failure(error) }
            throw error
        }
        // What its loops say must not hold them up.
        Report.notes.start()
        defer {
            Report.notes.finish()
            group.shutdown()
        }
        let task = Task(executorPreference: group.executors[0]) { [state] in
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body(group))
            } catch {
                outcome = .failure(error)
            }
            state.update { $0.outcome = outcome }
        }
        let isTooLate = state.update { state in
            state.task = task
            return state.isToldToStop
        }
        if isTooLate { task.cancel() }
        awaitEnd()
        try state.update { $0.outcome }?.get()
    }

    /// Cancels what runs, or what is about to.
    func stop() {
        let task = state.update { state in
            state.isToldToStop = true
            return state.task
        }
        task?.cancel()
    }

    /// Waits, by blocking, until `run` is over.
    func awaitEnd() {
        state.wait { $0.outcome != nil }
    }
}
