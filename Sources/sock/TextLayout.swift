/// The layout of text for a terminal of a given width.
enum TextLayout {
    /// Returns the words of `text` in lines of at most `width` characters.
    ///
    /// A longer word gets its own line. The first line begins with `indent`, and the other lines
    /// with `hangingIndent`, or with `indent` if that is nil.
    static func wrapped(
        _ text: String, width: Int, indent: String = "", hangingIndent: String? = nil
    ) -> [String] {
        var lines: [String] = []
        var line = indent
        var isEmpty = true
        for word in text.split(whereSeparator: \.isWhitespace) {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                (line, isEmpty) = (hangingIndent ?? indent, true)
            }
            line += isEmpty ? "\(word)" : " \(word)"
            isEmpty = false
        }
        return isEmpty ? lines : lines + [line]
    }

    /// Returns indented rows of two columns, with the second column wrapped.
    static func columns(_ rows: [(String, String)], width: Int) -> [String] {
        let column = 4 + (rows.map(\.0.count).max() ?? 0)
        let padding = String(repeating: " ", count: column)
        return rows.flatMap { label, text in
            let indent = "  " + label + padding.dropFirst(2 + label.count)
            return wrapped(text, width: width, indent: indent, hangingIndent: padding)
        }
    }
}
