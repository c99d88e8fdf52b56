/// The letters that have different meanings in different netcats, so `sock` refuses them.
///
/// Guessing would serve half of the users and do something unexpected for the others.
enum AmbiguousLetter {
    /// Returns the error for an ambiguous letter, which says what to write instead; nil for other
    /// letters.
    static func error(for letter: Character) -> UsageError? {
        guard let (meanings, instead) = table[letter] else { return nil }
        return UsageError("-\(letter) is ambiguous: \(meanings)", hint: instead)
    }

    static let table: [Character: (meanings: String, instead: String)] = [
        "x": (
            "a proxy's address in one netcat, a hex dump in others.",
            "For a hex dump, pipe the output through xxd. There is no proxy option."
        ),
        "i": (
            "a line delay in some netcats, an idle limit in others.",
            "For an idle limit, use --timeout SECONDS (-w)."
        ),
        "o": (
            "a hex dump in some netcats, a log file in ncat.",
            "To keep a copy of what arrives, pipe the output through tee FILE."
        ),
        "d": (
            "\"do not read input\" in one netcat, a delay in ncat.",
            "To send nothing, add </dev/null. To receive nothing, use --send-only."
        ),
        "c": (
            "a shell command in some netcats, CRLF lines in others.",
            "sock runs no programs: use socat TCP-LISTEN:PORT,fork EXEC:PROGRAM."
        ),
        "m": (
            "a hop limit in one netcat, a number of clients in ncat.",
            "To serve any number of clients, use --listen with --keep-open."
        ),
        "T": (
            "a type of service in some netcats, a time limit in socat.",
            "For a time limit, use --timeout SECONDS (-w)."
        ),
    ]
}
