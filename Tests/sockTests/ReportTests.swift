import Testing

@testable import sock

@Suite(.ownThread)
struct ReportTests {
    @Test("a failure is a line, and an indented one with what to do next")
    func lines() {
        let failure = Failure(.timedOut, "no answer", advice: "Wait longer.")
        #expect(Report.text(of: failure) == "sock: no answer\n      Wait longer.\n")
        #expect(Report.text(of: Failure(.usage, "no port")) == "sock: no port\n")
    }

    @Test("no control character of a message reaches the terminal")
    func controls() {
        let text = Report.text(of: Failure(.usage, "a\u{1B}[31m\nb\u{9B}c\u{202E}", advice: "\r"))
        #expect(text == "sock: a\\x1b[31m\\x0ab\\xc2\\x9bc\\xe2\\x80\\xae\n      \\x0d\n")
    }

    @Test("what has been made safe once is not escaped again")
    func once() {
        #expect(Report.text(of: Failure(.usage, #"'a\x1b'"#)) == "sock: 'a\\x1b'\n")
    }
}
