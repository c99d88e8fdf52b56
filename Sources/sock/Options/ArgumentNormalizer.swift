import Sockets

/// Turns a command line written with nc's habits into one that an argument parser understands.
///
/// A parser that treats all options alike breaks these habits: `-vw3` is two flags and a value,
/// `-1` is no flag but a bad port, and `sock -v info host 80` has its verb in the middle. So before
/// it sees them the words are put in order: the verb, then each flag by itself with its value after
/// `=`, then `--`, then what is left. Pure: no I/O, and no meaning is given to any value.
enum ArgumentNormalizer {
    enum Result: Equatable {
        /// Words for the argument parser: a verb, flags, `--`, operands.
        case run([String])
        /// Somebody asked for help, about one verb or about everything.
        case help(Verb?)
        /// Somebody asked which version this is.
        case version
    }

    static func normalize(_ words: [String]) throws(UsageError) -> Result {
        var line = Line()
        var rest = words[...]
        while let word = rest.popFirst() {
            try line.take(word, &rest)
        }
        return try line.result()
    }

    /// A command line in parts, as far as it has been read.
    private struct Line {
        var flags: [String] = []
        var operands: [String] = []
        var verb: Verb?
        var seen: Set<String> = []
        /// After the first operand a word is a host, also one called like a verb.
        var verbMayFollow = true

        mutating func take(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
            if word == "--" {
                operands += rest
                rest = []
            } else if word.hasPrefix("--") {
                try takeLong(word, &rest)
            } else if word.hasPrefix("-"), word != "-", !isNegativeNumber(word) {
                try takeCluster(word, &rest)
            } else {
                try takeOperand(word)
            }
        }

        /// `-1` and `-0.5` are values to be refused by name where they stand; `-4` and `-6`, alone
        /// or with letters after them, are flags.
        private func isNegativeNumber(_ word: String) -> Bool {
            let digits = word.dropFirst()
            guard let first = digits.first, first.isASCII, first.isNumber else { return false }
            return digits.allSatisfy { !$0.isLetter } && !["4", "6", "46", "64"].contains(digits)
        }

        private mutating func takeLong(
            _ word: String, _ rest: inout ArraySlice<String>
        ) throws(UsageError) {
            let parts = word.dropFirst(2).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let flag = CommandFlag.with(long: String(parts[0])) else {
                throw unknown("--\(parts[0])")
            }
            if flag.takesValue {
                let value = parts.count == 2 ? String(parts[1]) : rest.popFirst()
                try add(flag, value: value, writtenAs: "--\(flag.long)")
            } else if parts.count == 2 {
                throw UsageError("--\(flag.long) takes no value, but was given \(shown(parts[1]))")
            } else {
                try add(flag, value: nil, writtenAs: "--\(flag.long)")
            }
        }

        private mutating func takeCluster(
            _ word: String, _ rest: inout ArraySlice<String>
        ) throws(UsageError) {
            var letters = word.dropFirst()
            while let letter = letters.popFirst() {
                if let answer = DisputedLetter.answer(to: letter) { throw answer }
                guard let flag = CommandFlag.with(short: letter) else {
                    throw unknown("-\(letter)")
                }
                guard flag.takesValue else {
                    try add(flag, value: nil, writtenAs: flag.name)
                    continue
                }
                if letters.first == "=" { letters.removeFirst() }
                let value = letters.isEmpty ? rest.popFirst() : String(letters)
                try add(flag, value: value, writtenAs: flag.name)
                letters = ""
            }
        }

        private mutating func add(
            _ flag: CommandFlag, value: String?, writtenAs name: String
        ) throws(UsageError) {
            let isFirst = seen.insert(flag.long).inserted
            guard flag.takesValue else {
                if isFirst { flags.append("--\(flag.long)") }
                return
            }
            guard let value else { throw UsageError("\(name) needs a value after it") }
            guard !value.isEmpty else { throw UsageError("\(name) needs a value, and '' is none") }
            guard isFirst else {
                throw UsageError("\(name) was given twice, the second time as \(shown(value))")
            }
            // A combining mark would be one character with the sign, and nobody finds that then.
            guard "=\(value)".first == "=" else {
                throw UsageError(
                    "\(name) wants a value that begins with a character,"
                        + " not with a combining mark: \(shown(value))")
            }
            flags.append("--\(flag.long)=\(value)")
        }

        private mutating func takeOperand(_ word: String) throws(UsageError) {
            defer { verbMayFollow = false }
            guard verbMayFollow else { return operands.append(word) }
            if let verb = Verb(rawValue: word) {
                self.verb = verb
            } else if Verb.promised.contains(word) {
                throw UsageError(
                    "\"\(word)\" is a verb that this version does not have yet",
                    advice: "A host of that name is reached by: sock connect \(word) PORT")
            } else {
                operands.append(word)
            }
        }

        private func unknown(_ flag: String) -> UsageError {
            UsageError("unknown option \(shown(flag)); sock --help lists them all")
        }

        func result() throws(UsageError) -> Result {
            if seen.contains("help") { return .help(verb) }
            if verb == .help { return .help(operands.first.flatMap(Verb.init)) }
            if seen.contains("version") { return .version }

            let verb = try verbToRun()
            try checkFlags(of: verb)
            var words = [verb.rawValue]
            words += flags.filter { $0 != "--listen" && isForParser($0, verb) }
            if !operands.isEmpty { words += ["--"] + operands }
            return .run(words)
        }

        /// Every verb may be asked to say more, also one that has nothing to add.
        private func isForParser(_ word: String, _ verb: Verb) -> Bool {
            word != "--verbose" || verb.flags.contains("verbose")
        }

        private func checkFlags(of verb: Verb) throws(UsageError) {
            let known = verb.flags.union(["verbose"])
            for flag in CommandFlag.all
            where seen.contains(flag.long) && !known.contains(flag.long) {
                let owner = Verb.owner(of: flag.long).map { "; it belongs to sock \($0.rawValue)" }
                throw UsageError("sock \(verb.rawValue) has no \(flag.name)\(owner ?? "")")
            }
        }

        /// `-l` is a verb that is written as a flag.
        private func verbToRun() throws(UsageError) -> Verb {
            guard seen.contains("listen") else { return verb ?? .connect }
            if let verb, verb != .listen {
                throw UsageError("-l and \"\(verb.rawValue)\" do not go together")
            }
            return .listen
        }
    }

    private static func shown(_ text: some StringProtocol) -> String {
        TerminalText.quoted(String(text))
    }
}
