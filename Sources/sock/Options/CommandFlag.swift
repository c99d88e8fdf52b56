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
        CommandFlag(nil, "json"),
        CommandFlag(nil, "threads", takesValue: true),
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
        return UsageError(
            "-\(letter) has no meaning here: \(meanings)", advice: instead)
    }

    static let table: [Character: (meanings: String, instead: String)] = [
        "x": (
            "it is a proxy's address to one netcat and a hex dump to others.",
            "For a dump, pipe the output through: xxd. There is no proxy option."
        ),
        "i": (
            "it is a pause between lines to most netcats and an idle limit to ncat.",
            "For a limit of silence use --timeout SECONDS (-w)."
        ),
        "o": (
            "it is a hex dump to some netcats and a log file to ncat.",
            "To keep a copy of what comes, pipe the output through: tee FILE."
        ),
        "d": (
            "it is \"do not read input\" to one netcat and a delay to ncat.",
            "To send nothing write: </dev/null. To send without receiving use --send-only."
        ),
        "c": (
            "it is a shell command to some netcats and CRLF line ends to others.",
            "To answer callers with a program, write it before: PROGRAM | sock --listen PORT."
        ),
        "m": (
            "it is a hop limit to one netcat and a number of connections to ncat.",
            "To serve callers without end use --listen with --keep-open."
        ),
        "b": (
            "it is broadcast to most netcats and a buffer's size to socat.",
            "Buffers need no option here; datagrams go to one host, with --udp."
        ),
        "T": (
            "it is type-of-service to some netcats and a time limit to socat.",
            "For a time limit use --timeout SECONDS (-w)."
        ),
    ]
}
