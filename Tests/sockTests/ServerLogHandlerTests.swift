import Logging
import Testing

@testable import sock

@Suite(.ownThread)
struct ServerLogHandlerTests {
    @Test("a log entry with an error prints the message and the error")
    func shortage() {
        let text = ServerLogHandler.text(
            of: "cannot accept connections at the moment", ["error": "Too many open files"])
        #expect(text == "cannot accept connections at the moment: too many open files")
    }

    @Test("a log entry without an error prints nothing")
    func others() {
        #expect(ServerLogHandler.text(of: "closing connections", ["connections": "2"]) == nil)
    }

    @Test("the log level of a server is warning")
    func handlers() {
        #expect(ServerLogHandler.logger.logLevel == .warning)
    }
}
