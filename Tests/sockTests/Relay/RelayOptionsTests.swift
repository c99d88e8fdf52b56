import Testing

@testable import sock

@Suite(.ownThread)
struct RelayOptionsTests {
    private func options(_ words: String...) throws -> RelayOptions {
        guard case .run(let arguments) = try Arguments.parse(words) else { return RelayOptions() }
        return try RelayOptions(arguments)
    }

    @Test("the default relay options set no timeout")
    func defaults() throws {
        for options in [RelayOptions(), try options()] {
            #expect(options.idleTimeout == nil)
            #expect(options.quitAfter == nil)
            #expect(!options.isSendOnly)
        }
    }

    @Test("replyTimeout is 1 s, or the value of -w")
    func replyTimeout() throws {
        #expect(RelayOptions().replyTimeout == .seconds(1))
        #expect(try options("-w3").replyTimeout == .seconds(3))
    }

    @Test("--send-only sets quitAfter to the reply timeout unless -q is given")
    func sendOnly() throws {
        #expect(try options("--send-only").quitAfter == .seconds(1))
        #expect(try options("--send-only", "-w3").quitAfter == .seconds(3))
        #expect(try options("--send-only", "-q0").quitAfter == .zero)
    }
}
