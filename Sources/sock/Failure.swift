import Sockets

/// Why the program does not end with success.
///
/// It is shown in two lines: what failed and why, and what to do next. If a connection timed out,
/// two lines between them say why it is stalled.
struct Failure: Error, Equatable {
    let status: ExitStatus
    let message: String
    let verdict: [String]
    let hint: String?

    init(_ status: ExitStatus, _ message: String, hint: String? = nil) {
        self.status = status
        self.message = message
        self.verdict = []
        self.hint = hint
    }

    /// Creates the failure of an operation that timed out.
    ///
    /// The report says why the connection is stalled. The hint is for failures without a report.
    init(timeout message: String, _ report: StallReport?, hint: String?) {
        status = .timedOut
        self.message = message
        // The third sentence is the advice.
        verdict = report.map { Array($0.sentences.dropLast()) } ?? []
        self.hint = report?.advice ?? hint
    }

    init(_ error: UsageError) {
        self.init(.usage, error.message, hint: error.hint)
    }

    init(_ error: SocketError) {
        let status = ExitStatus(error)
        let hint = status == .usage ? nil : Hint.after(error, status)
        if status == .timedOut {
            self.init(timeout: error.firstLine, error.stallReport, hint: hint)
        } else {
            self.init(status, "\(error)", hint: hint)
        }
    }

    init(any error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as UsageError: self.init(error)
        case let error as SocketError: self.init(error)
        default: self.init(.otherFailure, "\(error)")
        }
    }
}

/// A command line that is not valid: exit status 2.
///
/// One line names the wrong word and what was expected. A second line follows only for a habit from
/// another program, and says what to write instead.
struct UsageError: Error, Equatable {
    let message: String
    let hint: String?

    init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}
