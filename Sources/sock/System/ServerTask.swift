import Sockets

/// A server that runs as a task, while the main thread waits until the task has ended.
///
/// It starts its own event loops, so commands that serve no clients start none.
final class ServerTask: Sendable {
    private let state = Monitor(State())

    private struct State {
        var task: Task<Void, Never>?
        var isStopped = false
        var outcome: Result<Void, any Error>?
    }

    /// Runs `body` on event loops, and returns when `body` returns.
    ///
    /// - Throws: The error that `body` throws, or a `SocketError` if the loops cannot start.
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
        // Writing messages must not block the loops, so another thread writes them.
        Log.queue.start()
        defer {
            Log.queue.finish()
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
        let isStopped = state.update { state in
            state.task = task
            return state.isStopped
        }
        if isStopped { task.cancel() }
        waitUntilEnd()
        try state.update { $0.outcome }?.get()
    }

    /// Cancels the body, even if it has not started yet.
    func stop() {
        let task = state.update { state in
            state.isStopped = true
            return state.task
        }
        task?.cancel()
    }

    /// Blocks until `run` has ended.
    func waitUntilEnd() {
        state.wait { $0.outcome != nil }
    }
}
