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
