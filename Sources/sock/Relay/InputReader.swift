import Sockets

/// Standard input for tasks: a thread reads, because reading a pipe or a terminal blocks.
///
/// It reads only on request, so that unused input stays in the pipe.
final class InputReader: Sendable {
    private let waiter = Monitor<CheckedContinuation<[UInt8], Never>?>(nil)

    private static let largestRead = 64 << 10

    /// Starts the thread, which reads with `read`: from standard input by default, 0 at the end.
    init(
        read: @escaping @Sendable (inout [UInt8]) throws(Failure) -> Int = Console.read
    ) throws(Failure) {
        try Worker.startOrThrow { [waiter] in Self.read(read, for: waiter) }
    }

    /// Waits for the next bytes, at most 64 KiB; nil at the end of input or if the task is cancelled.
    ///
    /// Only one task at a time may call it. Cancelling the task loses the bytes that are read after
    /// that.
    func next() async -> [UInt8]? {
        let bytes = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                waiter.update { $0 = continuation }
                // The task may have been cancelled before the continuation was stored.
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
                // A terminal would continue after its end.
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
