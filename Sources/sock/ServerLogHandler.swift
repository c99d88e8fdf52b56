import Logging
import Sockets

/// Writes what the library's `serve` logs about shortages as messages of the program.
///
/// Only entries with a cause are written. The program reports failures of handlers itself, and that
/// a stopped server closes its connections is not news to the user.
struct ServerLogHandler: LogHandler {
    /// A logger that writes through this handler.
    static let logger = Logger(label: "sock") { _ in ServerLogHandler() }

    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        guard let text = Self.text(of: event.message, event.metadata ?? [:]) else { return }
        Log.message(text)
    }

    /// Returns the message with its cause; nil if there is no cause.
    static func text(of message: Logger.Message, _ metadata: Logger.Metadata) -> String? {
        metadata["error"].map { "\(message): \("\($0)".withLowercasedFirst)" }
    }
}
