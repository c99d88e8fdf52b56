import Testing

@testable import sock

@Suite(.ownThread)
struct ArgumentNormalizerTests {
    private func words(_ line: String...) throws -> [String] {
        guard case .run(let words) = try ArgumentNormalizer.normalize(line) else {
            Issue.record("\(line) runs nothing")
            return []
        }
        return words
    }

    private func message(_ line: [String]) -> String? {
        do throws(UsageError) {
            _ = try ArgumentNormalizer.normalize(line)
            return nil
        } catch {
            return error.message
        }
    }

    @Test("words without a verb connect")
    func connects() throws {
        #expect(try words("host", "80") == ["connect", "--", "host", "80"])
    }

    @Test("no words at all connect to nowhere, which connect refuses")
    func nothing() throws {
        #expect(try words() == ["connect"])
    }

    @Test("a cluster is split, wherever it stands")
    func cluster() throws {
        let expected = ["connect", "--verbose", "--zero", "--", "host", "80"]
        #expect(try words("-vz", "host", "80") == expected)
        #expect(try words("host", "-vz", "80") == expected)
        #expect(try words("host", "80", "-v", "-z") == expected)
    }

    @Test(
        "a value may be attached, follow, stand after =, or end a cluster",
        arguments: [
            ["-w3"], ["-w", "3"], ["-w=3"], ["--timeout", "3"], ["--timeout=3"],
        ])
    func values(flag: [String]) throws {
        guard case .run(let words) = try ArgumentNormalizer.normalize(flag + ["h", "1"]) else {
            Issue.record("nothing runs")
            return
        }
        #expect(words == ["connect", "--timeout=3", "--", "h", "1"])
    }

    @Test("a cluster may end with a flag and its value")
    func clusterWithValue() throws {
        let expected = ["connect", "--verbose", "--timeout=30s", "--", "h", "1"]
        #expect(try words("-vw30s", "h", "1") == expected)
        #expect(try words("-vw", "30s", "h", "1") == expected)
    }

    @Test("a negative value is passed on, to be refused by its name")
    func negativeValue() throws {
        #expect(try words("-q", "-1", "h", "1") == ["connect", "--quit-after=-1", "--", "h", "1"])
        #expect(try words("-q-1", "h", "1") == ["connect", "--quit-after=-1", "--", "h", "1"])
        #expect(try words("-w", "-0.5", "h", "1") == ["connect", "--timeout=-0.5", "--", "h", "1"])
    }

    @Test(
        "a negative number where an operand stands is one",
        arguments: ["-1", "-80", "-443", "-0.5"])
    func negativeOperand(word: String) throws {
        #expect(try words("host", word) == ["connect", "--", "host", word])
    }

    @Test("-4 and -6 are flags and no numbers, alone and in a cluster")
    func families() throws {
        #expect(try words("-4", "h", "1") == ["connect", "--ipv4", "--", "h", "1"])
        #expect(try words("-6v", "h", "1") == ["connect", "--ipv6", "--verbose", "--", "h", "1"])
        #expect(try words("-46", "h", "1") == ["connect", "--ipv4", "--ipv6", "--", "h", "1"])
    }

    @Test("the first operand that is a verb moves to the front")
    func verbMoves() throws {
        #expect(try words("-4", "info", "h", "80") == ["info", "--ipv4", "--", "h", "80"])
        #expect(
            try words("-w", "info", "h", "80") == ["connect", "--timeout=info", "--", "h", "80"])
        #expect(try words("info", "-w3", "h") == ["info", "--timeout=3", "--", "h"])
    }

    @Test("a verb after the first operand is a host or a port")
    func onlyTheFirst() throws {
        #expect(try words("connect", "info", "80") == ["connect", "--", "info", "80"])
        #expect(try words("h", "info") == ["connect", "--", "h", "info"])
        #expect(try words("connect", "scan", "80") == ["connect", "--", "scan", "80"])
    }

    @Test("after -- nothing is a verb or a flag")
    func terminator() throws {
        #expect(try words("--", "info", "-v") == ["connect", "--", "info", "-v"])
        #expect(
            try words("-v", "--", "scan", "80") == ["connect", "--verbose", "--", "scan", "80"])
        #expect(try words("info", "--", "serve", "80") == ["info", "--", "serve", "80"])
    }

    @Test("-l is the verb listen, in every place and cluster")
    func listens() throws {
        #expect(try words("-l", "80") == ["listen", "--", "80"])
        #expect(try words("-lk", "80") == ["listen", "--keep-open", "--", "80"])
        #expect(try words("-lu", "-p80") == ["listen", "--udp", "--port=80"])
        #expect(try words("listen", "-l", "80") == ["listen", "--", "80"])
        #expect(try words("80", "-l") == ["listen", "--", "80"])
    }

    @Test("-l does not go with another verb")
    func listensOnly() {
        #expect(message(["-l", "info", "h"]) == #"-l and "info" do not go together"#)
    }

    @Test("a flag may be repeated, its value may not")
    func repeated() throws {
        #expect(try words("-vvv", "h", "1") == ["connect", "--verbose", "--", "h", "1"])
        #expect(message(["-w1", "-w2", "h", "1"]) == "-w was given twice, the second time as '2'")
    }

    @Test("a single dash and the empty word are operands")
    func oddOperands() throws {
        #expect(try words("-", "80") == ["connect", "--", "-", "80"])
        #expect(try words("h", "") == ["connect", "--", "h", ""])
    }

    @Test("-v is for everybody, and reaches only the verbs that have it")
    func verbose() throws {
        #expect(try words("-v", "info", "h", "80") == ["info", "--", "h", "80"])
        #expect(try words("-v", "serve", "echo", "0") == ["serve", "--verbose", "--", "echo", "0"])
    }

    @Test(
        "help and version are found in every place",
        arguments: [["-h"], ["--help"], ["-vh"], ["help"], ["-v", "-h", "host"]])
    func help(line: [String]) throws {
        #expect(try ArgumentNormalizer.normalize(line) == .help(nil))
    }

    @Test("help about a verb, written both ways")
    func helpAboutVerb() throws {
        #expect(try ArgumentNormalizer.normalize(["info", "-h"]) == .help(.info))
        #expect(try ArgumentNormalizer.normalize(["help", "serve"]) == .help(.serve))
        #expect(try ArgumentNormalizer.normalize(["-l", "-h"]) == .help(nil))
        #expect(try ArgumentNormalizer.normalize(["--version"]) == .version)
    }

    @Test("after -- not even -h is help")
    func helpIsAHost() throws {
        #expect(try words("--", "-h", "80") == ["connect", "--", "-h", "80"])
    }

    @Test(
        "a line that makes no sense is refused by the word that makes none",
        arguments: [
            (["-w"], "-w needs a value after it"),
            (["h", "1", "--timeout"], "--timeout needs a value after it"),
            (
                ["-q", "\u{743}[", "h"],
                "-q wants a value that begins with a character, not with a combining mark: '\u{743}['"
            ),
            (["-j", "h"], "unknown option '-j'; sock --help lists them all"),
            (["--foo", "h"], "unknown option '--foo'; sock --help lists them all"),
            (["--foo=1", "h"], "unknown option '--foo'; sock --help lists them all"),
            (["--=", "h"], "unknown option '--'; sock --help lists them all"),
            (["--udp=yes", "h"], "--udp takes no value, but was given 'yes'"),
            (["-k", "h", "1"], "sock connect has no -k; it belongs to sock listen"),
            (["-l", "-z", "1"], "sock listen has no -z; it belongs to sock connect"),
            (["info", "--threads", "3"], "sock info has no --threads; it belongs to sock serve"),
            (["scan", "h"], #""scan" is a verb that this version does not have yet"#),
            (["-\u{1B}[31m", "h"], #"unknown option '-\x1b'; sock --help lists them all"#),
        ])
    func refused(line: [String], expected: String) {
        #expect(message(line) == expected)
    }

    @Test("nothing that can be typed stops the program")
    func noTrap() {
        let pieces = ["-", "--", "=", "w", "4", "1", "é", "\0", " ", "l", "--timeout", "info", ""]
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    _ = try? ArgumentNormalizer.normalize([first + second, third, second + third])
                }
            }
        }
        #expect(message(["-é"]) == "unknown option '-é'; sock --help lists them all")
    }
}
