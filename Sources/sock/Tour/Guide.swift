import Sockets

/// Lays the tour out: titles, paragraphs, the lines of Swift that run, and what they gave.
///
/// Colour only where somebody looks: on a terminal, unless `NO_COLOR` is set (no-color.org).
struct Guide {
    private let isColoured: Bool

    /// How wide a line is.
    static let width = 76

    init() {
        isColoured = StandardStreams.output.isTerminal && Environment["NO_COLOR"] == nil
    }

    func title(_ text: String) throws {
        try write(paint(text, .title) + "\n")
        try write(paint(String(repeating: "─", count: Self.width), .faint) + "\n")
    }

    func chapter(_ name: String, _ title: String) throws {
        try write("\n\n" + paint(name, .faint) + "  " + paint(title, .title) + "\n")
    }

    /// A paragraph, in lines that are no wider than the page.
    func text(_ paragraph: String) throws {
        try write("\n" + Self.wrapped(paragraph).map { "  \($0)\n" }.joined())
    }

    /// Lines of Swift, as they are about to run.
    func code(_ lines: String) throws {
        let shown = lines.split(separator: "\n", omittingEmptySubsequences: false)
        try write("\n" + shown.map { "      " + paint($0, .code) + "\n" }.joined() + "\n")
    }

    /// What came of it.
    func result(_ text: String) throws {
        try write("    " + paint("→", .result) + " \(TerminalText.escaped(text))\n")
    }

    /// More about what came of it.
    func detail(_ text: String) throws {
        let lines = Self.wrapped(TerminalText.escaped(text), width: Self.width - 6)
        try write(lines.map { "      \($0)\n" }.joined())
    }

    private func write(_ text: String) throws {
        try Answer.write(text)
    }

    /// Words in lines of at most `width` characters; a word that is longer has a line of its own.
    static func wrapped(_ paragraph: String, width: Int = width - 2) -> [String] {
        var lines: [String] = []
        for word in paragraph.split(whereSeparator: \.isWhitespace) {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    private enum Ink: String {
        case title = "1"
        case faint = "2"
        case code = "36"
        case result = "1;32"
    }

    private func paint(_ text: some StringProtocol, _ ink: Ink) -> String {
        isColoured ? "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[0m" : String(text)
    }
}
