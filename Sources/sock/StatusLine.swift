import Sockets

/// A transfer whose progress can be shown in one line.
protocol StatusSource: AnyObject, Sendable {
    /// Returns one line after sampling the transfer for `duration`.
    func status(sampling duration: Duration) -> String
    /// A Boolean value that indicates whether the transfer has ended.
    var isOver: Bool { get }
}

/// The progress of a transfer on standard error, regularly with `--status` and once for each
/// SIGQUIT.
///
/// On a terminal, the line is overwritten every second, as `dd status=progress` does. In a file or
/// a pipe, a new line is written every 10 s.
enum StatusLine {
    /// How long to sample for one report, which is long enough for the library to detect a stall.
    private static let sampleTime = Duration.milliseconds(600)

    private struct State {
        var source: (any StatusSource)?
        /// A Boolean value that indicates whether the cursor is at the end of a line that will be
        /// overwritten.
        var isLineOpen = false
    }

    private static let state = Monitor(State())

    /// Makes `source` the transfer whose progress is shown.
    static func show(_ source: some StatusSource, regularly: Bool) {
        state.update { $0.source = source }
        guard regularly else { return }
        let isTerminal = StandardStreams.error.isTerminal
        Worker.start {
            while !source.isOver {
                let status = source.status(sampling: .seconds(isTerminal ? 1 : 10))
                state.update { state in
                    guard state.source != nil, !source.isOver else { return }
                    if isTerminal {
                        Log.overwrite(status)
                        state.isLineOpen = true
                    } else {
                        Log.message(status)
                    }
                }
            }
        }
    }

    /// Writes the progress once, while the transfer continues.
    static func reportNow() {
        guard let source = state.update({ $0.source }) else {
            return Log.message("not connected yet")
        }
        let status = source.status(sampling: sampleTime)
        endLine()
        Log.message(status)
    }

    /// Stops showing the transfer, and ends its line so that the next message begins on a new line.
    static func end() {
        endLine()
        state.update { $0.source = nil }
    }

    private static func endLine() {
        state.update { state in
            if state.isLineOpen { Log.endLine() }
            state.isLineOpen = false
        }
    }
}
