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
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter = 0
    }

    static let capacity = 256 << 10

    /// Starts the thread, which writes with `write` and passes an error to `fail`.
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

    /// Queues bytes, and waits until the queue is no longer full or the task is cancelled.
    func write(_ bytes: [UInt8]) async {
        let hasRoom = state.update { state in
            state.writes.append(bytes)
            state.count += bytes.count
            return state.hasRoom
        }
        if !hasRoom { await waitForRoom() }
    }

    private func waitForRoom() async {
        let waiter = state.update { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.update { $0.waiters[waiter] = continuation }
                // The queue may have emptied, or the task may have been cancelled, before the
                // continuation was stored, so check again.
                if Task.isCancelled || state.update({ $0.hasRoom }) { resume(waiter) }
            }
        } onCancel: {
            resume(waiter)
        }
    }

    private func resume(_ waiter: Int) {
        state.update { $0.waiters.removeValue(forKey: waiter) }?.resume()
    }

    /// Blocks until everything is written or `limit` has passed; nil for no limit.
    ///
    /// - Returns: The number of bytes that were not written.
    func finish(atMost limit: Duration? = nil) -> Int {
        state.wait(atMost: limit) { $0.count == 0 }
        return state.update { $0.count }
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
                    return state.hasRoom ? state.takeWaiters() : [:]
                }
                for continuation in resumed.values { continuation.resume() }
            }
        }
    }
}

extension OutputQueue.State {
    fileprivate var hasRoom: Bool { count < OutputQueue.capacity }

    fileprivate mutating func takeWaiters() -> [Int: CheckedContinuation<Void, Never>] {
        var taken: [Int: CheckedContinuation<Void, Never>] = [:]
        swap(&taken, &waiters)
        return taken
    }
}
