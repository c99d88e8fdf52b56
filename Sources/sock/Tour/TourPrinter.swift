import Sockets

/// A printer of the tour: its titles, its paragraphs, the lines of Swift that run, and their
/// results.
struct TourPrinter {
    private let hasColor = StandardStreams.output.hasColor
    private let width = max(40, StandardStreams.output.width)

    func title(_ text: String) throws {
        try write(TextLayout.wrapped(text, width: width).map { style($0, .title) })
        try write([style(String(repeating: "─", count: width), .faint)])
    }

    func chapter(_ name: String, _ title: String) throws {
        let indent = String(repeating: " ", count: name.count + 2)
        var lines = TextLayout.wrapped(title, width: width, indent: indent)
        lines = lines.map { style($0.dropFirst(indent.count), .title) }
        let first = style(name, .faint) + "  " + lines[0]
        try write(["", "", first] + lines.dropFirst().map { indent + $0 })
    }

    /// Prints a paragraph.
    func text(_ paragraph: String) throws {
        try write([""] + TextLayout.wrapped(paragraph, width: width, indent: "  "))
    }

    /// Prints the lines of Swift that run next, and wraps only the lines that are too long.
    func code(_ lines: String) throws {
        let shown = lines.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line in
            guard line.count + 6 > width else { return ["      \(line)"] }
            let indent = String(repeating: " ", count: 6 + line.prefix { $0 == " " }.count)
            return TextLayout.wrapped(
                String(line), width: width, indent: indent, hangingIndent: indent + "    ")
        }
        try write([""] + shown.map { style($0, .code) } + [""])
    }

    /// Prints a result of the lines above.
    func result(_ text: String) throws {
        let lines = TextLayout.wrapped(
            TerminalText.escaped(text), width: width, indent: "      ")
        let first = "    " + style("→", .result) + (lines.first ?? "").dropFirst(5)
        try write([first] + lines.dropFirst())
    }

    /// Prints an error as a result, followed by the report of why the connection is stalled.
    func result(_ error: SocketError) throws {
        try result(error.firstLine)
        for sentence in error.stallReport?.sentences ?? [] { try detail(sentence) }
    }

    private func detail(_ text: String) throws {
        try write(
            TextLayout.wrapped(TerminalText.escaped(text), width: width, indent: "      "))
    }

    private func write(_ lines: [String]) throws {
        try Console.write(lines.joined(separator: "\n") + "\n")
    }

    /// The parameters of the terminal's colour sequences.
    private enum Style: String {
        case title = "1"
        case faint = "2"
        case code = "36"
        case result = "1;32"
    }

    private func style(_ text: some StringProtocol, _ style: Style) -> String {
        hasColor ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : String(text)
    }
}
