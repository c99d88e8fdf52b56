import Sockets

/// Why the program ends with something else than success.
///
/// What is shown is at most two lines: what was tried and why it failed, and what to do next.
struct Failure: Error, Equatable {
    let status: ExitStatus
    let message: String
    let advice: String?

    init(_ status: ExitStatus, _ message: String, advice: String? = nil) {
        self.status = status
        self.message = message
        self.advice = advice
    }

    init(_ error: UsageError) {
        self.init(.usage, error.message, advice: error.advice)
    }

    init(_ error: SocketError) {
        let status = ExitStatus(error)
        self.init(
            status, "\(error)", advice: status == .usage ? nil : Advice.after(error, status))
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
