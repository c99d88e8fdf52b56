import Sockets

/// A queue of a server's messages, which a separate thread writes to standard error.
///
/// Because of the thread, a stopped terminal or an unread pipe does not hold up the clients.
///
/// Messages that do not fit are dropped and counted. Before `start` and after `finish`, the calling
/// thread writes its messages directly.
final class MessageQueue: Sendable {
    private let state = Monitor(State())
    private let output: @Sendable (String) -> Void
    private let directOutput: @Sendable (String) -> Void

    private struct State {
        var text = ""
        var droppedCount = 0
        var isRunning = false
        var hasThread = false
        var isWriting = false
        /// A Boolean value that indicates whether the output has not accepted a message for a long
        /// time.
        var isBlocked = false

        var isEmpty: Bool { text.isEmpty && droppedCount == 0 }

        mutating func takeText() -> String {
            defer { (text, droppedCount, isWriting) = ("", 0, true) }
            guard droppedCount > 0 else { return text }
            return text
                + "sock: messages dropped because standard error was blocked: \(droppedCount)\n"
        }
    }

    /// The size of the queue in bytes, which is the usual size of a pipe.
    static let capacity = 64 << 10

    /// Creates an empty queue, which is not started yet.
    ///
    /// - Parameters:
    ///   - output: A function that writes text, called on the queue's thread.
    ///   - directOutput: A function that writes text, called on the thread that logs the message;
    ///     by default `output`.
    init(
        output: @escaping @Sendable (String) -> Void,
        directOutput: (@Sendable (String) -> Void)? = nil
    ) {
        self.output = output
        self.directOutput = directOutput ?? output
    }

    /// Makes a separate thread write all further messages.
    ///
    /// The thread is started when the first message is written.
    func start() {
        state.update { $0.isRunning = true }
    }

    /// Writes whole lines, or queues them between `start` and `finish`.
    func write(_ text: String) {
        let (isQueued, isFirst) = state.update { state in
            guard state.isRunning else { return (false, false) }
            if state.text.utf8.count + text.utf8.count > Self.capacity {
                state.droppedCount += 1
            } else {
                state.text += text
            }
            defer { state.hasThread = true }
            return (true, !state.hasThread)
        }
        if !isQueued { return directOutput(text) }
        // If the thread cannot be started, the calling threads write this message and all further
        // messages.
        if isFirst, !startThread() {
            let text = state.update { state in
                (state.isRunning, state.hasThread) = (false, false)
                return state.takeText()
            }
            directOutput(text)
            state.update { $0.isWriting = false }
        }
    }

    private func startThread() -> Bool {
        Worker.start { [state, output] in
            while true {
                state.wait { !$0.isEmpty }
                output(state.update { $0.takeText() })
                state.update { ($0.isWriting, $0.isBlocked) = (false, false) }
            }
        }
    }

    /// Waits until the queued messages are written, but no longer than `limit`.
    ///
    /// After one wait has reached its limit, later calls return at once until the output accepts a
    /// message again.
    func waitUntilWritten(atMost limit: Duration = .milliseconds(200)) {
        guard state.update({ $0.isRunning && !$0.isBlocked }) else { return }
        let isWritten = state.wait(atMost: limit) { $0.isEmpty && !$0.isWriting }
        if !isWritten { state.update { $0.isBlocked = $0.isWriting } }
    }

    /// Waits until the queued messages are written, but no longer than `limit`, and stops queueing.
    func finish(timeout limit: Duration = .seconds(1)) {
        guard state.update({ $0.isRunning }) else { return }
        state.wait(atMost: limit) { $0.isEmpty && !$0.isWriting }
        state.update { $0.isRunning = false }
    }
}
