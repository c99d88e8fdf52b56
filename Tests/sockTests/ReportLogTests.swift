import Logging
import Testing

@testable import sock

@Suite(.ownThread)
struct ReportLogTests {
    @Test("a shortage is told with its cause")
    func shortage() {
        let text = ReportLog.text(
            of: "cannot accept connections for now", ["error": "Too many open files"])
        #expect(text == "cannot accept connections for now: too many open files")
    }

    @Test("what has no cause is no news to the user")
    func others() {
        #expect(ReportLog.text(of: "closing connections", ["connections": "2"]) == nil)
    }

    @Test("failures of handlers are not told a second time")
    func handlers() {
        #expect(ReportLog.logger.logLevel == .warning)
    }
}
