import Sockets

/// The words of a command line, sorted into subcommand, flags, values and operands.
///
/// The rules suit the habits of nc's users. `-vw3` is two flags and a value. `-1` is not a flag but
/// an operand, which is then refused as a port. `sock -v info host 80` finds its subcommand in the
/// middle. The values themselves are not interpreted here.
struct Arguments: Equatable {
    private(set) var subcommand = Subcommand.connect
    private(set) var operands: [String] = []
    /// The words that contain bytes that are not UTF-8.
    ///
    /// These bytes are written as `\xNN`, as in ``operands``.
    private(set) var escapedWords: Set<String> = []
    /// The given flags, with the values of those that have one.
    private var values: [Flag: String?] = [:]

    /// The request that a command line makes.
    enum Request: Equatable {
        case run(Arguments)
        /// Help about one subcommand, or about `sock` itself.
        case help(Subcommand?)
        case version
    }

    /// Parses a command line, which does not include the program's own name.
    ///
    /// The words need not be UTF-8.
    static func parse(bytes words: [[UInt8]]) throws(UsageError) -> Request {
        var escapedWords: Set<String> = []
        let texts = words.map { word in
            if let text = String(validating: word, as: UTF8.self) { return text }
            let text = TerminalText.escaped(word)
            escapedWords.insert(text)
            return text
        }
        let request = try parse(texts)
        guard case .run(var arguments) = request else { return request }
        arguments.escapedWords = escapedWords
        return .run(arguments)
    }

    /// Parses a command line, which does not include the program's own name.
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
                throw ForeignFlag.error(for: "--\(name)")
                    ?? Self.unknown(
                        "--\(name)",
                        similar: Spelling.nearest(to: name, in: Flag.allCases, name: \.rawValue))
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
                guard let flag = Flag(letter: letter) else {
                    throw ForeignFlag.error(for: "-\(letter)") ?? Self.unknown("-\(letter)")
                }
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
            if arguments.has(.help) {
                return .help(named ?? (arguments.has(.listen) ? .listen : nil))
            }
            if named == .help { return .help(try subcommandToExplain()) }
            if arguments.has(.version) { return .version }
            if arguments.has(.listen), let named, named != .listen {
                throw UsageError("-l cannot be combined with the command \"\(named.rawValue)\"")
            }
            var arguments = arguments
            arguments.subcommand = named ?? (arguments.has(.listen) ? .listen : .connect)
            try arguments.checkFlags()
            return .run(arguments)
        }

        /// Returns the subcommand after `help`, or nil if there is none.
        private func subcommandToExplain() throws(UsageError) -> Subcommand? {
            guard let word = arguments.operands.first else {
                return arguments.has(.listen) ? .listen : nil
            }
            try arguments.requireOperands(atMost: 1)
            if let subcommand = Subcommand(rawValue: word) { return subcommand }
            let similar = Subcommand.similar(to: word)
            throw UsageError(
                "there is no command \(quoted(word))"
                    + (similar.map { "; did you mean \($0.rawValue)?" }
                        ?? "; sock --help lists all commands"))
        }
    }

    private func checkFlags() throws(UsageError) {
        for flag in Flag.allCases where has(flag) && !flag.isAccepted(by: subcommand) {
            if flag == .keepOpen, subcommand == .connect {
                throw UsageError("-k needs -l: sock -lk 8080")
            }
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
}

private func quoted(_ text: String) -> String { TerminalText.quoted(text) }
