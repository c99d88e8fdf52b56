import Testing

@testable import sock

@Suite(.ownThread)
struct LogTests {
    @Test("a failure prints as one line, and a hint as an indented second line")
    func lines() {
        let failure = Failure(.timedOut, "no answer", hint: "Wait longer.")
        #expect(Log.text(of: failure) == "sock: no answer\n      Wait longer.\n")
        #expect(Log.text(of: Failure(.usage, "no port")) == "sock: no port\n")
    }

    @Test("control characters in a failure are escaped")
    func controls() {
        let text = Log.text(of: Failure(.usage, "a\u{1B}[31m\nb\u{9B}c\u{202E}", hint: "\r"))
        #expect(text == "sock: a\\x1b[31m\\x0ab\\xc2\\x9bc\\xe2\\x80\\xae\n      \\x0d\n")
    }

    @Test("text that is already escaped is not escaped again")
    func once() {
        #expect(Log.text(of: Failure(.usage, #"'a\x1b'"#)) == "sock: 'a\\x1b'\n")
    }
}
