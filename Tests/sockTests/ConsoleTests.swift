import Testing

@Suite(.ownThread)
struct ConsoleTests {
    @Test(
        "sock exits with status 23 if a write to standard output fails",
        arguments: ["service http", "resolve 127.0.0.1", "--help", "--version", "tour"])
    func full(line: String) throws {
        let outcome = try SockProgram.shell("\"$SOCK\" \(line) >/dev/full")
        #expect(outcome.status == 23)
        #expect(
            outcome.errors == "sock: cannot write to standard output: no space left on device\n")
    }

    @Test("sock exits with status 23 if standard output is closed")
    func closed() throws {
        #expect(try SockProgram.shell("\"$SOCK\" --version >&-").status == 23)
    }

    @Test(
        "sock exits with status 1 if standard input is unreadable, for streams and datagrams",
        arguments: ["", "-u"])
    func directory(flag: String) throws {
        let server = try RunningSock("serve", "echo", "127.0.0.1", "0")
        defer { server.send(signal: 15) }
        let outcome = try SockProgram.shell(
            "\"$SOCK\" \(flag) 127.0.0.1 \(try server.port()) </")
        #expect(outcome.status == 1)
        #expect(outcome.errors == "sock: cannot read standard input: is a directory\n")
    }
}
