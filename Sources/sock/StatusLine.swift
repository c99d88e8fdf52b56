import Sockets

/// Something under way that can say how it goes.
protocol Progress: AnyObject, Sendable {
    /// One line, after watching for so long.
    func state(watching duration: Duration) -> String
    /// Whether there is nothing left to watch.
    var isOver: Bool { get }
}

/// How it goes, on standard error: regularly for those who asked with `--status`, and once for those
/// who ask with SIGQUIT.
///
/// On a terminal the line is written over itself every second, as `dd status=progress` does; into a
/// file or a pipe a new one goes every 10 s.
enum StatusLine {
    /// As long as the library wants to see nothing move before it says so.
    private static let glance = Duration.milliseconds(600)

    private struct Now {
        var progress: (any Progress)?
        /// The cursor stands behind a line that is to be written over.
        var isOpen = false
    }

    private static let now = Monitor(Now())

    /// From now on this is what is under way.
    static func tell(of progress: some Progress, regularly: Bool) {
        now.update { $0.progress = progress }
        guard regularly else { return }
        let isTerminal = StandardStreams.error.isTerminal
        Worker.start {
            while !progress.isOver {
                let state = progress.state(watching: .seconds(isTerminal ? 1 : 10))
                now.update { now in
                    guard now.progress != nil, !progress.isOver else { return }
                    if isTerminal {
                        Report.overwrite(state)
                        now.isOpen = true
                    } else {
                        Report.note(state)
                    }
                }
            }
        }
    }

    /// Says at once how it goes, and goes on.
    static func answer() {
        guard let progress = now.update({ $0.progress }) else {
            return Report.note("nobody is connected yet")
        }
        let state = progress.state(watching: glance)
        end(for: false)
        Report.note(state)
    }

    /// There is nothing under way any more; what is written next begins a line of its own.
    static func end() { end(for: true) }

    private static func end(for good: Bool) {
        now.update { now in
            if now.isOpen { Report.endLine() }
            now.isOpen = false
            if good { now.progress = nil }
        }
    }
}
