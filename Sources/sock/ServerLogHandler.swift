import Logging
import Sockets

/// The log handler for the library, which writes warnings with an error to standard error.
///
/// Such a warning is about a shortage, for example of descriptors. The warnings without an error say that a
/// stopped server has closed connections, and that `--insecure` verifies nothing, which the user expects.
/// The commands report the failures of their handlers themselves.
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

    /// Returns the message with its cause, or nil if it has no cause.
    static func text(of message: Logger.Message, _ metadata: Logger.Metadata) -> String? {
        metadata["error"].map { "\(message): \("\($0)".withLowercasedFirst)" }
    }
}
