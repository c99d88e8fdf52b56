import Sockets

/// Standard input for tasks: a thread reads, because reading a pipe or a terminal blocks.
///
/// Nothing is read before somebody asks for it, so that what nobody wants stays where it is.
final class InputFeed: Sendable {
    private let asker = Monitor<CheckedContinuation<[UInt8], Never>?>(nil)

    private static let largestPiece = 64 << 10

    /// Starts the thread.
    ///
    /// - Parameter read: reads into a buffer, 0 at the end; standard input if not given.
    init(
        read: @escaping @Sendable (inout [UInt8]) throws(Failure) -> Int = Input.read
    ) throws(Failure) {
        let isStarted = Worker.start { [asker] in Self.read(read, for: asker) }
        guard isStarted else { throw Failure(.otherFailure, "cannot start a thread") }
    }

    /// Waits for the next piece, of at most 64 KiB; nil at the end, and when the task is cancelled,
    /// which loses what is read after that. One task at a time.
    func next() async -> [UInt8]? {
        let piece = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                asker.update { $0 = continuation }
                // Cancelled before there was anything to cancel.
                if Task.isCancelled { resign() }
            }
        } onCancel: {
            resign()
        }
        return piece.isEmpty ? nil : piece
    }

    private func resign() {
        Self.take(from: asker)?.resume(returning: [])
    }

    private static func read(
        _ read: (inout [UInt8]) throws(Failure) -> Int,
        for asker: Monitor<CheckedContinuation<[UInt8], Never>?>
    ) {
        var buffer = [UInt8](repeating: 0, count: largestPiece)
        var isAtEnd = false
        while true {
            asker.wait { $0 != nil }
            var count = 0
            do throws(Failure) {
                // A terminal would go on after its end.
                if !isAtEnd { count = try read(&buffer) }
            } catch {
                Report.failure(error)
            }
            isAtEnd = count == 0
            take(from: asker)?.resume(returning: Array(buffer[..<count]))
        }
    }

    private static func take(
        from asker: Monitor<CheckedContinuation<[UInt8], Never>?>
    ) -> CheckedContinuation<[UInt8], Never>? {
        asker.update { $0.take() }
    }
}
