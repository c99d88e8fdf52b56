import Sockets

/// The reason why the program fails.
///
/// It is printed in two lines. The first line says what failed and why, and the second line says
/// what to do. If a connection timed out, two more lines between them say why it is stalled.
struct Failure: Error, Equatable {
    let status: ExitStatus
    private(set) var message: String
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
    /// The report says why the connection is stalled. The hint is used only if there is no report.
    init(timeout message: String, _ report: StallReport?, hint: String?) {
        status = .timedOut
        self.message = message
        // Drop the last sentence, because it is the advice, which becomes the hint.
        verdict = report.map { Array($0.sentences.dropLast()) } ?? []
        self.hint = report?.advice ?? hint
    }

    /// Creates a failure that shows only in the exit status.
    static func silent(_ status: ExitStatus) -> Failure { Failure(status, "") }

    init(_ error: UsageError) {
        self.init(.usage, error.message, hint: error.hint)
    }

    init(_ error: SocketError) {
        let status = ExitStatus(error)
        let hint = Hint.after(error, status)
        if status == .timedOut {
            self.init(timeout: error.firstLine, error.stallReport, hint: hint)
        } else {
            self.init(status, error.firstLine, hint: hint)
        }
    }

    /// Returns the failure of a command line whose words need not be UTF-8.
    ///
    /// The parser writes the bytes that are not UTF-8 as `\xNN`, and the message escapes these
    /// backslashes again. This function undoes the second escaping.
    func describing(_ words: [[UInt8]]) -> Failure {
        guard words.contains(where: { String(validating: $0, as: UTF8.self) == nil }) else {
            return self
        }
        var failure = self
        failure.message = message.replacing(#"\x5cx"#, with: #"\x"#)
        return failure
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

/// The error of an invalid command line, with which the program exits with status 2.
///
/// The message names the wrong word and says what was expected. The hint is for options of other
/// programs, and says what to write instead.
struct UsageError: Error, Equatable {
    let message: String
    let hint: String?

    init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}
