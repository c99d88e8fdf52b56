import Sockets

/// Standard input for tasks, which a thread reads because reading a pipe or a terminal blocks.
///
/// The thread reads only on request, so that unused input stays in the pipe.
final class InputReader: Sendable {
    private let waiter = Monitor<CheckedContinuation<[UInt8], Never>?>(nil)

    private static let largestRead = 64 << 10

    /// Starts the thread, which calls `read` to read standard input.
    ///
    /// `read` returns the number of bytes, or 0 at the end of input.
    init(
        read: @escaping @Sendable (inout [UInt8]) throws(Failure) -> Int = Console.read
    ) throws(Failure) {
        try Worker.startOrThrow { [waiter] in Self.read(read, for: waiter) }
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
                waiter.update { $0 = continuation }
                // The task may have been cancelled before the continuation was stored, so check
                // again.
                if Task.isCancelled { cancel() }
            }
        } onCancel: {
            cancel()
        }
        return bytes.isEmpty ? nil : bytes
    }

    private func cancel() {
        Self.take(from: waiter)?.resume(returning: [])
    }

    private static func read(
        _ read: (inout [UInt8]) throws(Failure) -> Int,
        for waiter: Monitor<CheckedContinuation<[UInt8], Never>?>
    ) {
        var buffer = [UInt8](repeating: 0, count: largestRead)
        var isAtEnd = false
        while true {
            waiter.wait { $0 != nil }
            var count = 0
            do throws(Failure) {
                // Do not read again after the end of input, because a terminal would deliver more
                // input.
                if !isAtEnd { count = try read(&buffer) }
            } catch {
                Log.failure(error)
            }
            isAtEnd = count == 0
            take(from: waiter)?.resume(returning: Array(buffer[..<count]))
        }
    }

    private static func take(
        from waiter: Monitor<CheckedContinuation<[UInt8], Never>?>
    ) -> CheckedContinuation<[UInt8], Never>? {
        waiter.update { $0.take() }
    }
}
