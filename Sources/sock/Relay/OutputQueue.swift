import Sockets

/// Standard output for tasks, which a thread writes because writing to a pipe or a terminal may
/// block.
///
/// Tasks wait while the queue is full. The queue contains up to 256 KiB, and one more write of each
/// waiting task.
final class OutputQueue: Sendable {
    private let state = Monitor(State())

    fileprivate struct State {
        var writes: [[UInt8]] = []
        /// The bytes that are queued or being written.
        var count = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    static let capacity = 256 << 10

    /// Starts the thread, which writes with `write` and passes an error to `fail`.
    ///
    /// Call it on a thread that does not block `SIGPIPE`, because the new thread inherits the
    /// blocked signals and a closed output pipe must end the program. The threads of event loops
    /// block all signals.
    init(
        write: @escaping @Sendable (ArraySlice<UInt8>) throws(Failure) -> Void = Console.write,
        orElse fail: @escaping @Sendable (Failure) -> Void = { Program.exit(with: $0) }
    ) throws(Failure) {
        try Worker.startOrThrow { [state] in
            do throws(Failure) {
                try Self.write(state, write)
            } catch {
                fail(error)
            }
        }
    }

    /// Queues bytes, and waits until the queue is no longer full.
    func write(_ bytes: [UInt8]) async {
        await withCheckedContinuation { continuation in
            let hasRoom = state.update { state in
                state.writes.append(bytes)
                state.count += bytes.count
                let hasRoom = state.count < Self.capacity
                if !hasRoom { state.waiters.append(continuation) }
                return hasRoom
            }
            if hasRoom { continuation.resume() }
        }
    }

    /// Blocks until everything is written.
    func finish() {
        state.wait { $0.count == 0 }
    }

    private static func write(
        _ state: Monitor<State>, _ write: (ArraySlice<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        while true {
            state.wait { !$0.writes.isEmpty }
            var writes: [[UInt8]] = []
            state.update { swap(&$0.writes, &writes) }
            for bytes in writes {
                try write(bytes[...])
                let resumed = state.update { state in
                    state.count -= bytes.count
                    return state.count < capacity ? state.takeWaiters() : []
                }
                for continuation in resumed { continuation.resume() }
            }
        }
    }
}

extension OutputQueue.State {
    fileprivate mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
        var taken: [CheckedContinuation<Void, Never>] = []
        swap(&taken, &waiters)
        return taken
    }
}
