import Logging
import Testing

@testable import sock

@Suite(.ownThread)
struct ServerLogHandlerTests {
    @Test("an entry with an error is a message with its cause")
    func shortage() {
        let text = ServerLogHandler.text(
            of: "cannot accept connections for now", ["error": "Too many open files"])
        #expect(text == "cannot accept connections for now: too many open files")
    }

    @Test("an entry without an error is not a message")
    func others() {
        #expect(ServerLogHandler.text(of: "closing connections", ["connections": "2"]) == nil)
    }

    @Test("entries below a warning are not logged")
    func handlers() {
        #expect(ServerLogHandler.logger.logLevel == .warning)
    }
}
