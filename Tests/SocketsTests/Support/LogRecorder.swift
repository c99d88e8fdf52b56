import Logging

@testable import Sockets

/// Records log messages for tests.
struct LogRecorder: LogHandler {
    /// A recorded message.
    struct Message: Sendable {
        var level: Logger.Level
        var text: String
        var metadata: Logger.Metadata
    }

    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    private let kept = Lock<[Message]>([])

    /// A logger that writes to this recorder.
    var logger: Logger { Logger(label: "tests") { _ in self } }

    var messages: [Message] { kept.withLock { $0 } }

    func log(event: LogEvent) {
        let message = Message(
            level: event.level, text: event.message.description, metadata: event.metadata ?? [:])
        kept.withLock { $0.append(message) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
}
