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
            ["tour", "now"],
            ["-b", "h", "1"], ["--datagram-size", "9", "h", "1"], ["-lb", "1"],
            ["-l", "--datagram-size", "9", "1"], ["-bU", "/s"], ["help", "serve", "extra"], ["-l"],
            ["-lk", "-q1", "0"],
        ])
    func usage(line: [String]) throws {
        let outcome = try SockProgram.run(line)
        #expect(outcome.status == 2)
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.hasPrefix("sock: "))
        #expect(outcome.output.isEmpty)
    }

    @Test(
        "a misspelled command before an argument has a hint with the command",
        arguments: [
            (["resolv", "localhost"], "resolve"), (["-n", "doctr", "80"], "doctor"),
            (["-n", "lisen", "8080"], "listen"),
        ])
    func misspelled(line: [String], command: String) throws {
        let outcome = try SockProgram.run(line)
        #expect(outcome.errorLines.count == 2)
        #expect(outcome.errors.hasSuffix("      Did you mean sock \(command)?\n"))
    }

    @Test("sock exits with status 6 and advice if a zone is not an interface")
    func zones() throws {
        for line in [
            ["fe80::1%4000000", "80"], ["-u", "fe80::1%4000000", "80"],
            ["info", "fe80::1%4000000", "80"], ["-l", "fe80::1%4000000", "0"],
            ["serve", "echo", "fe80::1%4000000", "0"], ["resolve", "fe80::1%4000000"],
            ["resolve", "fe80::1%nosuch0"], ["-u", "239.1.1.1%nosuch0", "80"],
        ] {
            let outcome = try SockProgram.run(line)
            #expect(outcome.status == 6, "\(line)")
            #expect(outcome.errors.contains("ip link"), "\(line)")
        }
        let source = try SockProgram.run("-s", "fe80::1%4000000", "::1", "80")
        #expect(source.status == 45)
        #expect(source.errors.contains("ip link"))
    }

    @Test("sock -l with an address alone has a hint that the port is missing")
    func missingPort() throws {
        let outcome = try SockProgram.run("-l", "localhost")
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("sock -l localhost 8080"))
    }

    @Test("help -l prints the help of listen")
    func helpOfListen() throws {
        #expect(try SockProgram.run("help", "-l").text == HelpText.of(.listen))
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
