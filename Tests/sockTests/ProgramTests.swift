import Testing

@testable import sock

@Suite(.ownThread)
struct ProgramTests {
    @Test(
        "sock exits with status 2 and one line that quotes the port if a port is invalid",
        arguments: ["65536", "-1", "+80", "80x", "0x50", "٨٠", ""])
    func badPorts(port: String) throws {
        for line in [["localhost", port], ["-l", port], ["-p", port, "localhost", "80"]] {
            let outcome = try SockProgram.run(line)
            #expect(outcome.status == 2, "\(line)")
            #expect(outcome.errorLines.count == 1, "\(line)")
            #expect(outcome.errors.contains("'\(port)'"), "\(line)")
            #expect(outcome.output.isEmpty)
        }
    }

    @Test(
        "sock exits with status 2 and one line if the command line is invalid",
        arguments: [
            [], ["h"], ["h", "1", "2"], ["--foo"], ["-w", "x", "h", "1"], ["-q", "-1", "h", "1"],
            ["-46", "h", "1"], ["serve"], ["serve", "echo"], ["serve", "nonsense", "1"],
            ["serve", "--threads", "0", "echo", "0"], ["info"], ["info", "h"], ["resolve"],
            ["service"], ["service", "http", "ftp"], ["service", "nosuchservice"],
            ["localhost", "nosuchservice"], ["-U", "p", "1"], ["-s", "x", "h", "1"],
            ["tour", "now"], ["-l"], ["-lk", "-q1", "0"],
        ])
    func usage(line: [String]) throws {
        let outcome = try SockProgram.run(line)
        #expect(outcome.status == 2)
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.hasPrefix("sock: "))
        #expect(outcome.output.isEmpty)
    }

    @Test("sock exits with status 2 and two lines if a letter is ambiguous")
    func ambiguous() throws {
        let outcome = try SockProgram.run("-x", "foo", "h", "1")
        #expect(outcome.status == 2)
        #expect(outcome.errorLines.count == 2)
    }

    @Test("-h and --version write to standard output")
    func help() throws {
        let help = try SockProgram.run("-h")
        #expect(help.status == 0)
        #expect(help.text == HelpText.of(nil))
        #expect(help.errors.isEmpty)
        #expect(try SockProgram.run("--version").text == "sock \(Program.version)\n")
        #expect(try SockProgram.run("info", "--help").text == HelpText.of(.info))
    }

    @Test("a control character in an argument is escaped in the error message")
    func escapes() throws {
        let outcome = try SockProgram.run("a\u{1B}[31mb", "80")
        #expect(!outcome.errors.contains("\u{1B}"))
        #expect(outcome.errors.contains(#"a\x1b[31mb"#))
    }
}
