import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ArgumentsValuesTests {
    private func parse(_ words: String...) throws -> Arguments {
        guard case .run(let arguments) = try Arguments.parse(words) else { return Arguments() }
        return arguments
    }

    @Test("-4 and -6 select a family, and the combination of both throws")
    func family() throws {
        #expect(try parse().family() == nil)
        #expect(try parse("-4").family() == .ipv4)
        #expect(try parse("--ipv6").family() == .ipv6)
        let both = try parse("-4", "-6")
        #expect(throws: UsageError("-4 and -6 cannot be combined")) { try both.family() }
    }

    @Test("timeout() returns the value of -w, or nil without -w, and throws unless -w is positive")
    func timeout() throws {
        #expect(try parse().timeout() == nil)
        #expect(try parse("-w", "500ms").timeout() == .milliseconds(500))
        for bad in ["0", "-1", "x"] {
            let arguments = try parse("--timeout=\(bad)")
            #expect(throws: UsageError.self) { try arguments.timeout() }
        }
    }

    @Test("the hint for -w0 names --send-only with -u, but not with -lu")
    func zeroTimeout() throws {
        for (flags, isNamed) in [("-u", true), ("-lu", false)] {
            let arguments = try parse(flags, "-w0", "h")
            let error = #expect(throws: UsageError.self) { try arguments.timeout() }
            #expect(error?.hint?.contains("--send-only") == isNamed)
        }
    }

    @Test("quitAfter() accepts zero, and the error for -1 explains how to wait without a limit")
    func quitAfter() throws {
        #expect(try parse().quitAfter() == nil)
        #expect(try parse("-q", "0").quitAfter() == .zero)
        let negative = try parse("--quit-after=-1")
        let expected = UsageError(
            "-q needs a time such as 0 or 2s, not '-1'; to wait without a limit, omit -q")
        #expect(throws: expected) { try negative.quitAfter() }
    }

    @Test("too many operands throw an error that names the first excess operand")
    func operands() throws {
        let arguments = try parse("a", "b")
        try arguments.requireOperands(atMost: 2)
        #expect(throws: UsageError("unexpected argument 'b'")) {
            try arguments.requireOperands(atMost: 1)
        }
    }
}
