import Testing

@Suite(.ownThread)
struct AnswerTests {
    @Test(
        "an answer that cannot be written is exit status 23",
        arguments: ["service http", "resolve 127.0.0.1", "--help", "--version", "tour"])
    func full(line: String) throws {
        let outcome = try SockProgram.shell("\"$SOCK\" \(line) >/dev/full")
        #expect(outcome.status == 23)
        #expect(
            outcome.errors == "sock: cannot write to standard output: no space left on device\n")
    }

    @Test("a closed standard output is no success either")
    func closed() throws {
        #expect(try SockProgram.shell("\"$SOCK\" --version >&-").status == 23)
    }
}
