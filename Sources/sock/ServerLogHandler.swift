import Logging
import Sockets

/// The log handler for the library, which writes only the warnings that contain an error to
/// standard error.
///
/// Such a warning is about a shortage, for example of descriptors. The other warnings are dropped,
/// because the user expects them: a stopped server has closed connections, or `--insecure` verifies
/// nothing. The commands report the failures of their handlers themselves.
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

    /// Returns the message with its error, or nil if it has no error.
    static func text(of message: Logger.Message, _ metadata: Logger.Metadata) -> String? {
        metadata["error"].map { "\(message): \("\($0)".withLowercasedFirst)" }
    }
}
