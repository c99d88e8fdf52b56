import Sockets

/// Standard output for tasks: a thread writes, because writing to a pipe or a terminal may block.
///
/// It holds back whoever writes faster than the output is taken: memory is 256 KiB, and one piece
/// for each who waits.
final class OutputQueue: Sendable {
    private let state = Monitor(State())

    fileprivate struct State {
        var pieces: [[UInt8]] = []
        /// Bytes that are queued, or being written.
        var count = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    static let capacity = 256 << 10

    /// Starts the thread. To be called on a thread that `SIGPIPE` reaches, as loops' are not: a
    /// closed output pipe has to end the program.
    ///
    /// - Parameters:
    ///   - write: writes a piece; standard output if not given.
    ///   - fail: what happens when that fails.
    init(
        write: @escaping @Sendable (ArraySlice<UInt8>) throws(Failure) -> Void = Answer.write,
        orElse fail: @escaping @Sendable (Failure) -> Void = { Program.end(with: $0) }
    ) throws(Failure) {
        let isStarted = Worker.start { [state] in
            do throws(Failure) {
                try Self.write(state, write)
            } catch {
                fail(error)
            }
        }
        guard isStarted else { throw Failure(.otherFailure, "cannot start a thread") }
    }

    /// Queues a piece, and returns when there is room for another one.
    func write(_ piece: [UInt8]) async {
        await withCheckedContinuation { continuation in
            let hasRoom = state.update { state in
                state.pieces.append(piece)
                state.count += piece.count
                let hasRoom = state.count < Self.capacity
                if !hasRoom { state.waiting.append(continuation) }
                return hasRoom
            }
            if hasRoom { continuation.resume() }
        }
    }

    /// Waits, by blocking, until everything has been written.
    func finish() {
        state.wait { $0.count == 0 }
    }

    private static func write(
        _ state: Monitor<State>, _ write: (ArraySlice<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        while true {
            state.wait { !$0.pieces.isEmpty }
            var pieces: [[UInt8]] = []
            state.update { swap(&$0.pieces, &pieces) }
            for piece in pieces {
                try write(piece[...])
                let relieved = state.update { state in
                    state.count -= piece.count
                    return state.count < capacity ? state.takeWaiting() : []
                }
                for continuation in relieved { continuation.resume() }
            }
        }
    }
}

extension OutputQueue.State {
    fileprivate mutating func takeWaiting() -> [CheckedContinuation<Void, Never>] {
        var taken: [CheckedContinuation<Void, Never>] = []
        swap(&taken, &waiting)
        return taken
    }
}
