import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct FailureTests {
    @Test("the error about a word that is not UTF-8 shows the word escaped once")
    func escapedWord() throws {
        let word: [UInt8] = [104, 255]
        let failure = Failure(UsageError("unexpected argument \(TerminalText.quoted(#"h\xff"#))"))
        #expect(failure.describing([word]).message == #"unexpected argument 'h\xff'"#)
        #expect(failure.describing([Array("h".utf8)]) == failure)
        let outcome = try SockProgram.shell(#""$SOCK" $'h\xff' 80"#)
        #expect(outcome.errors.contains(#"cannot parse host 'h\xff'"#))
    }

    @Test("a Failure from a SocketError has the description, the status and a hint")
    func socketError() {
        let error = SocketError(
            .connect, .system(.connectionRefused), endpoint: .tcp("h", port: 80))
        let failure = Failure(error)
        #expect(failure.status == .unreachable)
        #expect(failure.message == "cannot connect to h:80: connection refused")
        #expect(failure.hint != nil)
    }

    @Test("a Failure from invalid input has the status `usage` and no hint")
    func usage() {
        let failure = Failure(
            SocketError(.parse, .invalidInput("expected digits"), subject: "port 'x'"))
        #expect(failure == Failure(.usage, "cannot parse port 'x': expected digits"))
    }

    @Test("a Failure from a UsageError keeps the hint")
    func hint() {
        let failure = Failure(UsageError("one", hint: "two"))
        #expect(failure == Failure(.usage, "one", hint: "two"))
    }
}
