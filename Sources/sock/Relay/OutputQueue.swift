import Sockets

/// Standard output for tasks.
///
/// A thread writes the output, because writing to a pipe or a terminal may block.
///
/// Tasks wait while the queue is full. The queue contains up to 256 KiB, and one more write of each
/// waiting task. The thread also performs actions between the writes, in the order of the queue.
final class OutputQueue: Sendable {
    private let state = Monitor(State())

    fileprivate struct State {
        var entries: [Entry] = []
        /// The bytes that are queued or being written.
        var count = 0
        /// The number that identifies the client whose bytes were queued last.
        var lastSender: Int?
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter = 0
    }

    fileprivate enum Entry {
        case bytes([UInt8])
        case action(@Sendable () -> Void)
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
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - sender: The sender of the bytes, or nil if it does not matter.
    ///   - announce: An action that the thread performs directly before it writes the bytes, unless
    ///     the same sender also sent the previous bytes.
    func write(
        _ bytes: [UInt8], from sender: Int? = nil, after announce: (@Sendable () -> Void)? = nil
    ) async {
        let hasRoom = state.update { state in
            if let announce, state.lastSender != sender { state.entries.append(.action(announce)) }
            state.lastSender = sender
            state.entries.append(.bytes(bytes))
            state.count += bytes.count
            return state.hasRoom
        }
        if !hasRoom { await waitForRoom() }
    }

    /// Makes the thread perform an action after everything that is queued now was written.
    func perform(_ action: @escaping @Sendable () -> Void) {
        state.update { $0.entries.append(.action(action)) }
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
            state.wait { !$0.entries.isEmpty }
            var entries: [Entry] = []
            state.update { swap(&$0.entries, &entries) }
            for entry in entries {
                let bytes: [UInt8]
                switch entry {
                case .bytes(let queued): bytes = queued
                case .action(let action):
                    action()
                    continue
                }
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
