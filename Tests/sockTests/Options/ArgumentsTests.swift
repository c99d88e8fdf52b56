import Testing

@testable import sock

@Suite(.ownThread)
struct ArgumentsTests {
    /// Returns the parsed command line: subcommand, flags in the order of the table, `--`,
    /// operands.
    private func words(_ line: String...) throws -> [String] {
        try words(line)
    }

    private func words(_ line: [String]) throws -> [String] {
        guard case .run(let arguments) = try Arguments.parse(line) else {
            Issue.record("\(line) runs nothing")
            return []
        }
        let flags = Flag.allCases.filter { arguments.has($0) && $0 != .listen }.map {
            $0.longName + (arguments[$0].map { "=\($0)" } ?? "")
        }
        let operands = arguments.operands.isEmpty ? [] : ["--"] + arguments.operands
        return [arguments.subcommand.rawValue] + flags + operands
    }

    private func message(_ line: [String]) -> String? {
        do throws(UsageError) {
            _ = try Arguments.parse(line)
            return nil
        } catch {
            return error.message
        }
    }

    @Test("words without a subcommand are parsed as operands of connect")
    func connects() throws {
        #expect(try words("host", "80") == ["connect", "--", "host", "80"])
    }

    @Test("an empty command line is parsed as connect without operands")
    func nothing() throws {
        #expect(try words() == ["connect"])
    }

    @Test("flags are parsed before, between and after operands, and a cluster of flags is split")
    func cluster() throws {
        let expected = ["connect", "--zero", "--verbose", "--", "host", "80"]
        #expect(try words("-vz", "host", "80") == expected)
        #expect(try words("host", "-vz", "80") == expected)
        #expect(try words("host", "80", "-v", "-z") == expected)
    }

    @Test(
        "the value of a flag may be attached, separate, or after an equals sign",
        arguments: [
            ["-w3"], ["-w", "3"], ["-w=3"], ["--timeout", "3"], ["--timeout=3"],
        ])
    func values(flag: [String]) throws {
        #expect(try words(flag + ["h", "1"]) == ["connect", "--timeout=3", "--", "h", "1"])
    }

    @Test("a cluster may end with a flag and its value, attached or separate")
    func clusterWithValue() throws {
        let expected = ["connect", "--timeout=30s", "--verbose", "--", "h", "1"]
        #expect(try words("-vw30s", "h", "1") == expected)
        #expect(try words("-vw", "30s", "h", "1") == expected)
    }

    @Test("a negative number after a flag is parsed as the value of the flag")
    func negativeValue() throws {
        #expect(try words("-q", "-1", "h", "1") == ["connect", "--quit-after=-1", "--", "h", "1"])
        #expect(try words("-q-1", "h", "1") == ["connect", "--quit-after=-1", "--", "h", "1"])
        #expect(try words("-w", "-0.5", "h", "1") == ["connect", "--timeout=-0.5", "--", "h", "1"])
    }

    @Test(
        "a negative number without a flag is parsed as an operand",
        arguments: ["-1", "-80", "-443", "-0.5"])
    func negativeOperand(word: String) throws {
        #expect(try words("host", word) == ["connect", "--", "host", word])
    }

    @Test("-4 and -6 are parsed as flags, not as numbers")
    func families() throws {
        #expect(try words("-4", "h", "1") == ["connect", "--ipv4", "--", "h", "1"])
        #expect(try words("-6v", "h", "1") == ["connect", "--ipv6", "--verbose", "--", "h", "1"])
        #expect(try words("-46", "h", "1") == ["connect", "--ipv4", "--ipv6", "--", "h", "1"])
    }

    @Test("the first word that is neither a flag nor a value may be a subcommand")
    func verbMoves() throws {
        #expect(try words("-4", "info", "h", "80") == ["info", "--ipv4", "--", "h", "80"])
        #expect(
            try words("-w", "info", "h", "80") == ["connect", "--timeout=info", "--", "h", "80"])
        #expect(try words("-v", "serve", "echo", "0") == ["serve", "--verbose", "--", "echo", "0"])
        #expect(try words("info", "-w3", "h") == ["info", "--timeout=3", "--", "h"])
    }

    @Test("the name of a subcommand after another operand is parsed as an operand")
    func onlyTheFirst() throws {
        #expect(try words("connect", "info", "80") == ["connect", "--", "info", "80"])
        #expect(try words("h", "info") == ["connect", "--", "h", "info"])
    }

    @Test("every word after -- is parsed as an operand")
    func terminator() throws {
        #expect(try words("--", "info", "-v") == ["connect", "--", "info", "-v"])
        #expect(
            try words("-v", "--", "info", "80") == ["connect", "--verbose", "--", "info", "80"])
        #expect(try words("info", "--", "serve", "80") == ["info", "--", "serve", "80"])
    }

    @Test("-l selects the subcommand listen at any position and in any cluster")
    func listens() throws {
        #expect(try words("-l", "80") == ["listen", "--", "80"])
        #expect(try words("-lk", "80") == ["listen", "--keep-open", "--", "80"])
        #expect(try words("-lu", "-p80") == ["listen", "--udp", "--port=80"])
        #expect(try words("listen", "-l", "80") == ["listen", "--", "80"])
        #expect(try words("80", "-l") == ["listen", "--", "80"])
    }

    @Test("-l with another subcommand throws a usage error")
    func listensOnly() {
        #expect(message(["-l", "info", "h"]) == #"-l cannot be combined with the command "info""#)
    }

    @Test("a flag without a value may be repeated, and a repeated flag with a value throws")
    func repeated() throws {
        #expect(try words("-vvv", "h", "1") == ["connect", "--verbose", "--", "h", "1"])
        #expect(message(["-w1", "-w2", "h", "1"]) == "-w was given twice, the second time as '2'")
    }

    @Test("a single dash and an empty word are parsed as operands")
    func oddOperands() throws {
        #expect(try words("-", "80") == ["connect", "--", "-", "80"])
        #expect(try words("h", "") == ["connect", "--", "h", ""])
    }

    @Test("every subcommand accepts -v", arguments: Subcommand.allCases.filter { $0 != .help })
    func verbose(subcommand: Subcommand) throws {
        let name = subcommand.rawValue
        #expect(try words("-v", name) == [name, "--verbose"])
    }

    @Test(
        "the name of a planned subcommand is parsed as a host",
        arguments: [
            "scan", "wait", "relay", "send", "recv", "ping", "bench", "chat", "proxy",
            "completions",
        ])
    func plannedSubcommands(name: String) throws {
        #expect(try words(name, "80") == ["connect", "--", name, "80"])
        #expect(try words("connect", name, "80") == ["connect", "--", name, "80"])
        #expect(try words("--", name, "80") == ["connect", "--", name, "80"])
    }

    @Test(
        "-h at any position requests help, and so does the subcommand help",
        arguments: [["-h"], ["--help"], ["-vh"], ["help"], ["-v", "-h", "host"]])
    func help(line: [String]) throws {
        #expect(try Arguments.parse(line) == .help(nil))
    }

    @Test("info -h requests the help of info, and help serve requests the help of serve")
    func helpAboutVerb() throws {
        #expect(try Arguments.parse(["info", "-h"]) == .help(.info))
        #expect(try Arguments.parse(["help", "serve"]) == .help(.serve))
        #expect(try Arguments.parse(["-l", "-h"]) == .help(.listen))
        #expect(try Arguments.parse(["-lk", "--help"]) == .help(.listen))
        #expect(try Arguments.parse(["--version"]) == .version)
    }

    @Test("-h after -- is parsed as an operand")
    func helpIsAHost() throws {
        #expect(try words("--", "-h", "80") == ["connect", "--", "-h", "80"])
    }

    @Test(
        "an invalid command line throws an error that names the invalid word",
        arguments: [
            (["-w"], "-w needs a value"),
            (["-w", "", "h"], "-w needs a value, not ''"),
            (["h", "1", "--timeout"], "--timeout needs a value"),
            (["-j", "h"], "unknown option '-j'; sock --help lists all options"),
            (["--foo", "h"], "unknown option '--foo'; sock --help lists all options"),
            (["--foo=1", "h"], "unknown option '--foo'; sock --help lists all options"),
            (["--=", "h"], "unknown option '--'; sock --help lists all options"),
            (["--udp=yes", "h"], "--udp does not accept a value, but was given 'yes'"),
            (["-k", "h", "1"], "-k needs -l: sock -lk 8080"),
            (["help", "nosuch"], "there is no command 'nosuch'; sock --help lists all commands"),
            (["help", "lisen"], "there is no command 'lisen'; did you mean listen?"),
            (["help", "serve", "extra"], "unexpected argument 'extra'"),
            (["-l", "-z", "1"], "sock listen does not accept -z, but sock connect does"),
            (
                ["info", "--threads", "3"],
                "sock info does not accept --threads, but sock serve does"
            ),
            (["--timout=3", "h"], "unknown option '--timout'; did you mean --timeout?"),
            (["--num", "h"], "unknown option '--num'; did you mean --numeric?"),
            (["--keep_open", "h"], "unknown option '--keep_open'; did you mean --keep-open?"),
            (["--p", "h"], "unknown option '--p'; sock --help lists all options"),
            (["-\u{1B}[31m", "h"], #"unknown option '-\x1b'; sock --help lists all options"#),
        ])
    func refused(line: [String], expected: String) {
        #expect(message(line) == expected)
    }

    @Test(
        "the value of a flag may begin with a combining mark",
        arguments: ["-q\u{743}[", "--quit-after=\u{743}["])
    func combiningMark(word: String) throws {
        #expect(try words(word, "h") == ["connect", "--quit-after=\u{743}[", "--", "h"])
        #expect(try words("-q=\u{743}[") == ["connect", "--quit-after=\u{743}["])
    }

    @Test("parsing any combination of unusual words does not trap")
    func noTrap() {
        let pieces = [
            "-", "--", "=", "\u{743}", "w", "4", "1", "é", "\0", " ", "l", "--timeout", "info", "",
        ]
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    _ = try? Arguments.parse([first + second, third, second + third])
                }
            }
        }
        #expect(message(["-é"]) == "unknown option '-é'; sock --help lists all options")
    }
}
