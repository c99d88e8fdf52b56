import Sockets

/// Why the program ends with something else than success.
///
/// What is shown is two lines: what was tried and why it failed, and what to do next. Of a time-out on
/// a connection two more stand between them, which say why nothing moved.
struct Failure: Error, Equatable {
    let status: ExitStatus
    let message: String
    let verdict: [String]
    let advice: String?

    init(_ status: ExitStatus, _ message: String, advice: String? = nil) {
        self.status = status
        self.message = message
        self.verdict = []
        self.advice = advice
    }

    /// Time is up, and this is why; without a report there is some other advice.
    init(_ message: String, because report: StallReport?, advice: String?) {
        status = .timedOut
        self.message = message
        // The third sentence is the advice.
        verdict = report.map { Array($0.sentences.dropLast()) } ?? []
        self.advice = report?.advice ?? advice
    }

    init(_ error: UsageError) {
        self.init(.usage, error.message, advice: error.advice)
    }

    init(_ error: SocketError) {
        let status = ExitStatus(error)
        let advice = status == .usage ? nil : Advice.after(error, status)
        if status == .timedOut {
            self.init(error.firstLine, because: error.stallReport, advice: advice)
        } else {
            self.init(status, "\(error)", advice: advice)
        }
    }
}

/// A command line that makes no sense: exit status 2.
///
/// One line that names the word and says what was expected; only where a habit from another program
/// leads astray there is a second, which shows the way.
struct UsageError: Error, Equatable {
    let message: String
    let advice: String?

    init(_ message: String, advice: String? = nil) {
        self.message = message
        self.advice = advice
    }
}
