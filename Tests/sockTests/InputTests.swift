import Testing

@Suite(.ownThread)
struct InputTests {
    @Test("an input that cannot be read is a failure, whoever it was for", arguments: ["", "-u"])
    func directory(flag: String) throws {
        let server = try RunningSock("serve", "echo", "127.0.0.1", "0")
        defer { server.send(signal: 15) }
        let outcome = try SockProgram.shell(
            "\"$SOCK\" \(flag) 127.0.0.1 \(try server.port()) </")
        #expect(outcome.status == 1)
        #expect(outcome.errors == "sock: cannot read standard input: is a directory\n")
    }
}
