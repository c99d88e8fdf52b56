import Sockets

/// The words of a command line, sorted into subcommand, flags, values and operands.
///
/// The rules suit the habits of nc's users. `-vw3` is two flags and a value. `-1` is not a flag but
/// an operand, which is then refused as a port. `sock -v info host 80` finds its subcommand in the
/// middle. The values themselves are not interpreted here.
struct Arguments: Equatable {
    private(set) var subcommand = Subcommand.connect
    private(set) var operands: [String] = []
    /// The given flags, with the values of those that have one.
    private var values: [Flag: String?] = [:]

    /// The request that a command line makes.
    enum Request: Equatable {
        case run(Arguments)
        /// Help about one subcommand, or about `sock` itself.
        case help(Subcommand?)
        case version
    }

    /// Parses a command line without the program's own name.
    static func parse(_ words: [String]) throws(UsageError) -> Request {
        var parser = Parser(rest: words[...])
        while let word = parser.rest.popFirst() { try parser.read(word) }
        return try parser.request()
    }

    /// Returns a Boolean value that indicates whether the flag was given.
    func has(_ flag: Flag) -> Bool { values[flag] != nil }

    /// The value of a flag, or nil if the flag was not given or has no value.
    subscript(flag: Flag) -> String? { values[flag] ?? nil }
}

extension Arguments {
    fileprivate struct Parser {
        var rest: ArraySlice<String>
        var arguments = Arguments()
        /// The subcommand that a word names; nil if no word does.
        var named: Subcommand?

        mutating func read(_ word: String) throws(UsageError) {
            if word == "--" {
                arguments.operands += rest
                rest = []
            } else if word.hasPrefix("--") {
                try readLong(word)
            } else if word.hasPrefix("-"), word != "-", !isNegativeNumber(word) {
                try readCluster(word)
            } else if named == nil, arguments.operands.isEmpty,
                let found = Subcommand(rawValue: word)
            {
                named = found
            } else {
                arguments.operands.append(word)
            }
        }

        /// Returns whether the word is a number that looks like a flag, such as `-1` or `-0.5`.
        ///
        /// Such a word becomes an operand, so that an error can name it. `-4` and `-6` are flags,
        /// alone or with letters after them.
        private func isNegativeNumber(_ word: String) -> Bool {
            let digits = word.dropFirst()
            guard let first = digits.utf8.first, Decimal.isDigit(first) else { return false }
            return digits.allSatisfy { !$0.isLetter } && !["4", "6", "46", "64"].contains(digits)
        }

        private mutating func readLong(_ word: String) throws(UsageError) {
            // Search for `=` in the bytes, because a combining mark after `=` would form one
            // character with it.
            let parts = word.utf8.dropFirst(2).split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0]) ?? ""
            guard let flag = Flag(rawValue: name) else {
                throw Self.unknown("--\(name)", similar: Self.flag(similarTo: name))
            }
            let attached = parts.count == 2 ? String(parts[1]) : nil
            if flag.row.value == nil, let attached {
                throw UsageError(
                    "\(flag.longName) does not accept a value, but was given \(quoted(attached))")
            }
            try add(flag, value: attached, writtenAs: flag.longName)
        }

        private mutating func readCluster(_ word: String) throws(UsageError) {
            var letters = word.unicodeScalars.dropFirst()
            while let letter = letters.popFirst().map(Character.init) {
                if let error = AmbiguousLetter.error(for: letter) { throw error }
                guard let flag = Flag(letter: letter) else { throw Self.unknown("-\(letter)") }
                var attached: String?
                if flag.row.value != nil, !letters.isEmpty {
                    attached = String(letters.dropFirst(letters.first == "=" ? 1 : 0))
                    letters = letters.dropFirst(letters.count)
                }
                try add(flag, value: attached, writtenAs: flag.name)
            }
        }

        /// Adds a flag, with the next word as its value if it needs a value and none is attached.
        private mutating func add(
            _ flag: Flag, value attached: String?, writtenAs name: String
        ) throws(UsageError) {
            guard flag.row.value != nil else {
                arguments.values[flag] = .some(nil)
                return
            }
            guard let value = attached ?? rest.popFirst() else {
                throw UsageError("\(name) needs a value")
            }
            guard !value.isEmpty else { throw UsageError("\(name) needs a value, not ''") }
            guard !arguments.has(flag) else {
                throw UsageError("\(name) was given twice, the second time as \(quoted(value))")
            }
            arguments.values[flag] = value
        }

        func request() throws(UsageError) -> Request {
            if arguments.has(.help) { return .help(named) }
            if named == .help { return .help(arguments.operands.first.flatMap(Subcommand.init)) }
            if arguments.has(.version) { return .version }
            if arguments.has(.listen), let named, named != .listen {
                throw UsageError("-l cannot be combined with the command \"\(named.rawValue)\"")
            }
            var arguments = arguments
            arguments.subcommand = named ?? (arguments.has(.listen) ? .listen : .connect)
            try arguments.checkFlags()
            return .run(arguments)
        }
    }

    private func checkFlags() throws(UsageError) {
        for flag in Flag.allCases where has(flag) && !flag.isAccepted(by: subcommand) {
            let owner = Subcommand.allCases.first { flag.isAccepted(by: $0) }
            throw UsageError(
                "sock \(subcommand.rawValue) does not accept \(flag.name)"
                    + (owner.map { ", but sock \($0.rawValue) does" } ?? ""))
        }
    }
}

// MARK: Unknown flags

extension Arguments.Parser {
    private static func unknown(_ flag: String, similar: Flag? = nil) -> UsageError {
        let hint = similar.map { "did you mean \($0.longName)?" } ?? "sock --help lists all options"
        return UsageError("unknown option \(quoted(flag)); \(hint)")
    }

    /// Returns the only flag whose name begins with `name`, or else the most similar name within
    /// two edits.
    private static func flag(similarTo name: String) -> Flag? {
        guard name.count > 1 else { return nil }
        let completions = Flag.allCases.filter { $0.rawValue.hasPrefix(name) }
        if completions.count == 1 { return completions[0] }
        let distances = Flag.allCases.map { ($0, distance(name, $0.rawValue)) }
        return distances.filter { $0.1 <= min(2, name.count / 3) }.min { $0.1 < $1.1 }?.0
    }

    /// Returns how many characters have to be inserted, removed or replaced to turn one text into
    /// the other (the Levenshtein distance).
    private static func distance(_ one: String, _ other: String) -> Int {
        var row = Array(0...other.count)
        for (index, character) in one.prefix(64).enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, candidate) in other.enumerated() {
                let replacing = diagonal + (character == candidate ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replacing, diagonal + 1, row[column] + 1)
            }
        }
        return row[other.count]
    }
}

private func quoted(_ text: String) -> String { TerminalText.quoted(text) }
