/// A flag as it can be written on the command line, whichever verb it belongs to.
struct CommandFlag: Equatable {
    let short: Character?
    let long: String
    let takesValue: Bool

    init(_ short: Character?, _ long: String, takesValue: Bool = false) {
        self.short = short
        self.long = long
        self.takesValue = takesValue
    }

    /// As the user would name it: `-w`, or `--threads` where there is no letter.
    var name: String { short.map { "-\($0)" } ?? "--\(long)" }

    /// All flags of all verbs. Which verb takes which is the argument parser's business; the
    /// normalizer has to know only which of them swallow the next word.
    static let all: [CommandFlag] = [
        CommandFlag("4", "ipv4"),
        CommandFlag("6", "ipv6"),
        CommandFlag("l", "listen"),
        CommandFlag("k", "keep-open"),
        CommandFlag("u", "udp"),
        CommandFlag("U", "unix"),
        CommandFlag("n", "numeric"),
        CommandFlag("p", "port", takesValue: true),
        CommandFlag("s", "source", takesValue: true),
        CommandFlag("v", "verbose"),
        CommandFlag("w", "timeout", takesValue: true),
        CommandFlag("z", "zero"),
        CommandFlag("N", "shutdown"),
        CommandFlag("q", "quit-after", takesValue: true),
        CommandFlag("h", "help"),
        CommandFlag(nil, "send-only"),
        CommandFlag(nil, "status"),
        CommandFlag(nil, "json"),
        CommandFlag(nil, "threads", takesValue: true),
        CommandFlag(nil, "pid", takesValue: true),
        CommandFlag(nil, "program", takesValue: true),
        CommandFlag(nil, "all"),
        CommandFlag(nil, "watch"),
        CommandFlag(nil, "version"),
    ]

    static func with(short letter: Character) -> CommandFlag? {
        all.first { $0.short == letter }
    }

    static func with(long name: String) -> CommandFlag? {
        all.first { $0.long == name }
    }
}

/// The letters that mean different things in different netcats, and what to write here instead.
///
/// Guessing would be right for half of the users and do something else than asked for the others.
enum DisputedLetter {
    static func answer(to letter: Character) -> UsageError? {
        guard let (meanings, instead) = table[letter] else { return nil }
        return UsageError("-\(letter) is not used: \(meanings)", advice: instead)
    }

    static let table: [Character: (meanings: String, instead: String)] = [
        "x": (
            "a proxy's address to one netcat, a hex dump to others.",
            "For a dump, pipe the output through: xxd. There is no proxy option."
        ),
        "i": (
            "a pause between lines to some, an idle limit to others.",
            "For a limit of silence: --timeout SECONDS (-w)."
        ),
        "o": (
            "a hex dump to some netcats, a log file to ncat.",
            "To keep a copy of what comes, pipe the output through: tee FILE."
        ),
        "d": (
            "\"do not read input\" to one netcat, a delay to ncat.",
            "To send nothing: </dev/null. To send and not receive: --send-only."
        ),
        "c": (
            "a shell command to some netcats, CRLF line ends to others.",
            "To answer a caller with a program: PROGRAM | sock --listen PORT."
        ),
        "m": (
            "a hop limit to one netcat, a number of callers to ncat.",
            "To serve callers without end: --listen with --keep-open."
        ),
        "b": (
            "broadcast to most netcats, a buffer's size to socat.",
            "Buffers need no option here, and datagrams go to one host: --udp."
        ),
        "T": (
            "a type of service to some netcats, a time limit to socat.",
            "For a time limit: --timeout SECONDS (-w)."
        ),
    ]
}
