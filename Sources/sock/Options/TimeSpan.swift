import Sockets

/// The parser of durations on the command line: `3`, `.5`, `500ms`, `30s`, `2m`, `1h`, `1d`.
enum TimeSpan {
    /// Returns the value of a flag, or throws an error that names the flag.
    static func parse(_ text: String, of flag: String) throws(UsageError) -> Duration {
        guard let duration = duration(text) else {
            throw UsageError(
                "\(flag) needs a time such as 3, .5, 500ms, 30s, 2m, 1h or 1d, not "
                    + TerminalText.quoted(text))
        }
        return duration
    }

    /// Parses ASCII digits with at most one point before or between them, followed by a unit or by
    /// nothing, which means seconds.
    ///
    /// Returns nil for any other text.
    static func duration(_ text: String) -> Duration? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let unit = units[String(text.dropFirst(number.count))] else { return nil }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.last?.isEmpty == false,
            parts.allSatisfy({ $0.utf8.count <= 9 })
        else { return nil }
        return Double("0\(number)").map { .microseconds($0 * unit * 1e6) }
    }

    private static let units: [String: Double] = [
        "": 1, "s": 1, "ms": 0.001, "m": 60, "h": 3_600, "d": 86_400,
    ]
}
