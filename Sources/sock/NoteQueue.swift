/// The words of a server, which a thread writes: whoever serves callers must not wait for a terminal that
/// was stopped, or a pipe that nobody reads.
///
/// What finds no room is left out, and counted. Before `start`, and after `finish`, whoever says
/// something writes it himself.
final class NoteQueue: Sendable {
    private let state = Monitor(State())
    private let write: @Sendable (String) -> Void

    private struct State {
        var text = ""
        var leftOut = 0
        var isRunning = false
        var hasThread = false
        var isWriting = false

        var isIdle: Bool { text.isEmpty && leftOut == 0 && !isWriting }

        mutating func take() -> String {
            defer { (text, leftOut, isWriting) = ("", 0, true) }
            guard leftOut > 0 else { return text }
            return text + "sock: \(leftOut) more of these could not be told in time\n"
        }
    }

    /// In bytes: as much again as a pipe holds.
    static let capacity = 64 << 10

    /// - Parameter write: standard error if not given.
    init(write: @escaping @Sendable (String) -> Void = { StandardStreams.error.tell($0) }) {
        self.write = write
    }

    /// Leaves the writing to a thread from now on, which begins with the first words.
    func start() {
        state.update { $0.isRunning = true }
    }

    /// Says something, which is whole lines.
    func say(_ text: String) {
        let (isTaken, isFirst) = state.update { state in
            guard state.isRunning else { return (false, false) }
            if state.text.utf8.count + text.utf8.count > Self.capacity {
                state.leftOut += 1
            } else {
                state.text += text
            }
            defer { state.hasThread = true }
            return (true, !state.hasThread)
        }
        if !isTaken { return write(text) }
        // If there can be no more threads, this one writes, and all that come later.
        if isFirst, !startThread() {
            let text = state.update { state in
                (state.isRunning, state.hasThread) = (false, false)
                return state.take()
            }
            write(text)
            state.update { $0.isWriting = false }
        }
    }

    private func startThread() -> Bool {
        Worker.start { [state, write] in
            while true {
                state.wait { !$0.text.isEmpty || $0.leftOut > 0 }
                write(state.update { $0.take() })
                state.update { $0.isWriting = false }
            }
        }
    }

    /// Lets what was said be written, but waits for that no longer than told.
    func finish(atMost limit: Duration = .seconds(1)) {
        guard state.update({ $0.isRunning }) else { return }
        state.wait(atMost: limit) { $0.isIdle }
        state.update { $0.isRunning = false }
    }
}
