import Testing

@Suite(.ownThread)
struct ServiceTests {
    @Test(
        "service prints the port of a name and the name of a port",
        arguments: [
            (["http", "tcp"], "80\n"), (["80"], "http\n"), (["80", "tcp"], "http\n"),
            (["http"], "80\n"), (["domain"], "53\n"), (["daytime", "udp"], "13\n"),
            (["www"], "80\n"),
        ])
    func answers(words: [String], expected: String) throws {
        let outcome = try SockProgram.run(["service"] + words)
        #expect(outcome.status == 0)
        #expect(outcome.text == expected)
    }

    @Test("service --json prints one object per protocol")
    func json() throws {
        #expect(
            try SockProgram.run("service", "--json", "domain").text == """
                {"name":"domain","port":53,"protocol":"tcp","aliases":[]}
                {"name":"domain","port":53,"protocol":"udp","aliases":[]}

                """)
    }

    @Test(
        "service exits with status 2 and one line if the service is unknown",
        arguments: ["nosuchservice", "4", "65535"])
    func unknown(word: String) throws {
        let outcome = try SockProgram.run("service", word)
        #expect(outcome.status == 2)
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errors.contains(word))
        #expect(!outcome.errors.contains("for tcp"))
    }
}
