import Sockets

/// Standard input for tasks.
///
/// A thread reads the input, because reading a pipe or a terminal blocks.
///
/// The thread reads only on request, so that unused input stays in the pipe.
final class InputReader: Sendable {
    private let state = Monitor(State())

    private struct State {
        var waiter: CheckedContinuation<[UInt8], Never>?
        var isAtEnd = false
    }

    private static let largestRead = 64 << 10

    /// Starts the thread, which calls `read` to read standard input.
    ///
    /// `read` returns the number of bytes, or 0 at the end of input.
    init(
        read: @escaping @Sendable (inout [UInt8]) throws(Failure) -> Int = Console.read
    ) throws(Failure) {
        try Worker.startOrThrow { [state] in Self.read(read, for: state) }
    }

    /// Waits for the next bytes, at most 64 KiB.
    ///
    /// Returns nil at the end of input or if the task is cancelled.
    ///
    /// Only one task at a time may call it. Bytes that are read after the task was cancelled are
    /// lost.
    func next() async -> [UInt8]? {
        let bytes = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isAtEnd = state.update { state in
                    state.waiter = continuation
                    return state.isAtEnd
                }
                // The task may have been cancelled before the continuation was stored, so check
                // again.
                if isAtEnd || Task.isCancelled { cancel() }
            }
        } onCancel: {
            cancel()
        }
        return bytes.isEmpty ? nil : bytes
    }

    private func cancel() {
        Self.take(from: state)?.resume(returning: [])
    }

    /// Reads on request until the end of input, and then returns, which ends the thread.
    ///
    /// A terminal could deliver more input after that, so the thread must not read again.
    private static func read(
        _ read: (inout [UInt8]) throws(Failure) -> Int, for state: Monitor<State>
    ) {
        var buffer = [UInt8](repeating: 0, count: largestRead)
        var count = 0
        repeat {
            state.wait { $0.waiter != nil }
            count = 0
            do throws(Failure) {
                count = try read(&buffer)
            } catch {
                Log.failure(error)
            }
            if count == 0 { state.update { $0.isAtEnd = true } }
            take(from: state)?.resume(returning: Array(buffer[..<count]))
        } while count > 0
    }

    private static func take(
        from state: Monitor<State>
    ) -> CheckedContinuation<[UInt8], Never>? {
        state.update { $0.waiter.take() }
    }
}
