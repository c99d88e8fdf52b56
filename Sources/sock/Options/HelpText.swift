/// The text that `--help` prints, which is made from the tables of flags and subcommands.
enum HelpText {
    /// Returns the help of one subcommand, or of `sock` itself.
    static func of(_ subcommand: Subcommand?, width: Int = 80) -> String {
        guard let subcommand, let command = subcommand.command else { return root(width: width) }
        let usage = command.usage.enumerated().map { ($0 == 0 ? "Usage: " : "       ") + $1 }
        return text(of: [
            usage,
            TextLayout.wrapped(command.details, width: width),
            TextLayout.columns(command.terms, width: width),
            columns(of: subcommand.flags, in: subcommand, width: width),
        ])
    }

    private static func root(width: Int) -> String {
        let commands = Subcommand.allCases.compactMap(\.command)
        let flags = Set(Subcommand.connect.flags + Subcommand.listen.flags + [.help])
        let title = TextLayout.wrapped(
            "sock uses TCP, TLS, UDP and Unix sockets, and explains its errors.",
            width: width)
        let statuses = """
            Exit status: 0 success, 1 other, 2 usage, 6 name, 7 refused, 23 output, 28 timeout, \
            45 bind, 55 send, 56 receive or reset, 35 58 60 77 90 TLS.
            """
        let letters = Flag.allCases.filter { flags.contains($0) && $0.row.letter != nil }
        let others = Flag.allCases.filter { flags.contains($0) && $0.row.letter == nil }
        let more =
            "Also \(others.map(\.longName).joined(separator: ", ")): see sock help connect."
        return text(of: [
            title + TextLayout.columns(commands.map { ($0.usage[0], $0.summary) }, width: width),
            columns(of: letters, in: nil, width: width)
                + TextLayout.wrapped(more, width: width, indent: "  ")
                + TextLayout.wrapped(statuses, width: width),
        ])
    }

    private static func columns(
        of flags: [Flag], in subcommand: Subcommand?, width: Int
    ) -> [String] {
        let rows = flags.map { flag in
            (label(of: flag), subcommand.flatMap { flag.row.otherHelp[$0] } ?? flag.row.help)
        }
        return TextLayout.columns(rows, width: width)
    }

    /// Returns the label of a flag in the help, such as `-w, --timeout TIME`.
    private static func label(of flag: Flag) -> String {
        let letter = flag.row.letter.map { "-\($0), " } ?? "    "
        return letter + name(of: flag)
    }

    private static func name(of flag: Flag) -> String {
        flag.longName + (flag.row.value.map { " \($0)" } ?? "")
    }

    /// Returns the blocks of lines with an empty line between them.
    private static func text(of blocks: [[String]]) -> String {
        blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }
            .joined(separator: "\n")
    }
}
