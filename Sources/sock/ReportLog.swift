import Logging
import Sockets

/// What `serve` of the library has to say about shortages, as the program says things.
///
/// Of everything else it logs the program knows already: failures of handlers are reported where
/// they are caught, and that callers are hung up on at the end is what the user asked for.
struct ReportLog: LogHandler {
    /// A logger that writes here.
    static let logger = Logger(label: "sock") { _ in ReportLog() }

    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        guard let text = Self.text(of: event.message, event.metadata ?? [:]) else { return }
        Report.note(text)
    }

    /// The message with its cause; nil for one without, which is none of the user's business.
    static func text(of message: Logger.Message, _ metadata: Logger.Metadata) -> String? {
        metadata["error"].map { "\(message): \("\($0)".withLowercasedFirst)" }
    }
}
